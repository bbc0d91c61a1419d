"""A list on a terminal that narrows as one types, by prompt_toolkit; see the extra ``picker``."""

import os
from typing import Any, BinaryIO

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    BufferControl,
    FormattedTextControl,
    HSplit,
    Layout,
    VSplit,
    Window,
)
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

MOST_ROWS = 12
# How long a lone Esc may yet be the beginning of an arrow key, over a slow line.
ESCAPE_SECONDS = 0.1
_STYLE = Style.from_dict({"told": "ansibrightblack", "chosen": "bold", "mark": "ansigreen bold"})


class Menu:
    """The rows, what is typed, and which of those that are left is chosen."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self.rows = rows
        self.left = list(range(len(rows)))
        self.at = 0
        self._searched = [f"{name} {told}".lower() for name, told in rows]
        self._width = max((len(name) for name, _ in rows), default=0)
        self.buffer = Buffer(multiline=False, on_text_changed=self._narrow)

    def _narrow(self, _: object = None) -> None:
        words = self.buffer.text.lower().split()
        self.left = [
            at for at, text in enumerate(self._searched) if all(word in text for word in words)
        ]
        if words:
            # A name that begins so is meant more often than one that holds it; sorting keeps the order otherwise.
            self.left.sort(key=lambda at: not self._searched[at].startswith(words[0]))
        self.at = 0

    def move(self, by: int) -> None:
        """Go up or down, and no further than the ends."""
        self.at = max(0, min(len(self.left) - 1, self.at + by))

    @property
    def answer(self) -> int | str | None:
        """The row's place, or what was typed where no row is left; ``None`` for neither."""
        if self.left:
            return self.left[self.at]
        return self.buffer.text.strip() or None

    def lines(self) -> StyleAndTextTuples:
        """Draw the rows around the chosen one."""
        if not self.left:
            typed = self.buffer.text.strip()
            said = f'  Enter takes "{typed}" as ROLE' if typed else "  type a ROLE"
            return [("class:told", said)]
        top = max(0, min(self.at - MOST_ROWS // 2, len(self.left) - MOST_ROWS))
        drawn: StyleAndTextTuples = []
        for at in self.left[top : top + MOST_ROWS]:
            name, told = self.rows[at]
            is_chosen = at == self.left[self.at]
            drawn += [
                ("class:mark", "> " if is_chosen else "  "),
                ("class:chosen" if is_chosen else "", f"{name:{min(self._width, 40)}}"),
                ("class:told", f"  {told}\n"),
            ]
        drawn.append(("class:told", f"  {self.at + 1} of {len(self.left)}"))
        return drawn


def choose(terminal: BinaryIO, rows: list[tuple[str, str]], *, is_plain: bool) -> int | str:
    """Let a row be chosen, or a text be typed that is none. Raises KeyboardInterrupt for Esc, Ctrl-C and Ctrl-D."""
    menu = Menu(rows)
    with open(terminal.fileno(), encoding="utf-8", closefd=False) as reader:
        writer = open(os.dup(terminal.fileno()), "w", encoding="utf-8")  # noqa: SIM115  # closed below
        with writer:
            output = Vt100_Output.from_pty(writer, term=os.environ.get("TERM"))
            # An answer that comes after we have gone would be typed into the shell.
            output.enable_cpr = False
            application: Application[Any] = Application(
                layout=_layout(menu),
                key_bindings=_keys(menu),
                style=_STYLE,
                color_depth=ColorDepth.DEPTH_1_BIT if is_plain else None,
                erase_when_done=True,
                input=Vt100Input(reader),
                output=output,
            )
            application.ttimeoutlen = application.timeoutlen = ESCAPE_SECONDS
            try:
                found = application.run()
            except EOFError:
                # The terminal has gone.
                raise KeyboardInterrupt from None
    if found is None:
        raise KeyboardInterrupt
    return found  # type: ignore[no-any-return]  # what exit() was given


def _layout(menu: Menu) -> Layout:
    typed = Window(BufferControl(menu.buffer), height=1)
    asked = Window(FormattedTextControl("ROLE: "), width=6, height=1, dont_extend_width=True)
    shown = Window(FormattedTextControl(menu.lines), dont_extend_height=True, wrap_lines=False)
    return Layout(HSplit([VSplit([asked, typed]), shown]), focused_element=typed)


def _keys(menu: Menu) -> KeyBindings:
    keys = KeyBindings()
    for names, by in (
        (("up", "c-p"), -1),
        (("down", "c-n", "tab"), 1),
        (("pageup",), -MOST_ROWS),
        (("pagedown",), MOST_ROWS),
    ):
        for name in names:
            keys.add(name)(lambda _, by=by: menu.move(by))

    @keys.add("enter", filter=Condition(lambda: menu.answer is not None))
    def _take(event: KeyPressEvent) -> None:
        event.app.exit(result=menu.answer)

    @keys.add("escape")
    @keys.add("c-c")
    @keys.add("c-d")
    @keys.add("<sigint>")
    def _give_up(event: KeyPressEvent) -> None:
        event.app.exit(result=None)

    return keys
