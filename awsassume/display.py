"""What a verb shows: aligned for people, coloured by rich on a terminal, or JSON for a script."""

import io
import json
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from awsassume.person import plain
from awsassume.program import Program

# rich measures every cell several times; past this many rows a person pages or filters, and wants them at once.
MOST_RICH_ROWS = 300
_GAP = "  "


class Text(NamedTuple):
    """A piece of text and how it looks where there are colours: a style of rich's, or none."""

    text: str
    style: str = ""


Cell = str | Text


def is_rich(program: Program) -> bool:
    """Tell whether standard output is a terminal that shows colours, and nobody asked for none."""
    environ = program.environ
    return os.isatty(1) and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"


def show_json(program: Program, value: object) -> None:
    """Write a value as JSON."""
    program.write(1, json.dumps(value, indent=2) + "\n")


def show_lines(program: Program, lines: Sequence[Sequence[Cell]]) -> None:
    """Write lines, each of pieces that follow one another."""
    paint = _painter(program)
    program.write(1, "".join("".join(paint(cell) for cell in line) + "\n" for line in lines))


def show_fields(program: Program, fields: Sequence[tuple[str, Cell]]) -> None:
    """Write names and values, one a line, the values below one another."""
    width = max((len(name) for name, _ in fields), default=0)
    show_lines(program, [(Text(f"{name:{width}}  ", "dim"), value) for name, value in fields])


def show_table(program: Program, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Write rows below headings. A column that holds nothing is left out."""
    kept = [at for at in range(len(headings)) if any(_text(row[at]) for row in rows)]
    headings = [headings[at] for at in kept]
    rows = [[row[at] for at in kept] for row in rows]
    if is_rich(program) and len(rows) <= MOST_RICH_ROWS:
        program.write(1, _rich_table(program, headings, rows))
        return
    # The widths are counted here, since a table of ten thousand rows takes rich many seconds.
    texts = [headings, *([plain(_text(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in texts) for at in range(len(headings))]
    program.write(1, "".join(_aligned(line, widths) for line in texts))


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(map(str.ljust, line, widths)).rstrip() + "\n"


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text


def _painter(program: Program) -> Callable[[Cell], str]:
    if not is_rich(program):
        return lambda cell: plain(_text(cell))
    from rich.style import Style

    def paint(cell: Cell) -> str:
        text = plain(_text(cell))
        style = "" if isinstance(cell, str) else cell.style
        return Style.parse(style).render(text) if style else text

    return paint


def _rich_table(program: Program, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    import rich.text
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            *(
                rich.text.Text(plain(_text(cell)), "" if isinstance(cell, str) else cell.style)
                for cell in row
            )
        )
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=os.get_terminal_size(1).columns or 80,
        _environ=program.environ,
    )
    with console.capture() as captured:
        console.print(table)
    return captured.get()
