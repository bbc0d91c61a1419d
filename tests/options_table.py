"""Writes awsassume/options.py from Typer's command: ``python -m tests.options_table``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer.main

from awsassume import cli

PLACE = Path(cli.__file__).with_name("options.py")
# What Typer does not say: which texts name something that Tab can find.
_KINDS = {"--profile": "profile", "--login": "profile", "--policy": "file"}

_HEAD = '''"""The options as Tab offers them. Made from Typer's command by ``make options``; a test holds the two together."""

'''


def text() -> str:
    """Return the module as it must be."""
    options, repeated = [], []
    for parameter in typer.main.get_command(cli.app).params:
        if parameter.param_type_name != "option" or getattr(parameter, "hidden", False):
            continue
        for name in (*parameter.opts, *parameter.secondary_opts):
            kind: str | tuple[str, ...] | None = None
            if not getattr(parameter, "is_flag", False):
                choices = getattr(parameter.type, "choices", None)
                kind = (
                    tuple(str(choice) for choice in choices)
                    if choices
                    else _KINDS.get(parameter.opts[0], "")
                )
            says = " ".join((getattr(parameter, "help", None) or "").split())
            options.append(f"    {name!r}: ({kind!r}, {says!r}),\n")
            if parameter.multiple:
                repeated.append(name)
    options += [f'    {name!r}: (None, "Show the help."),\n' for name in ("--help", "-h")]
    module = (
        f"{_HEAD}"
        "# name: what its value is (None for a flag, a tuple of choices, or a kind of name), and what it does\n"
        "OPTIONS: dict[str, tuple[str | tuple[str, ...] | None, str]] = {\n"
        f"{''.join(options)}}}\n\n"
        f"REPEATED = frozenset({tuple(repeated)!r})\n"
    )
    ruff = Path(sys.executable).with_name("ruff")
    return subprocess.run(
        [ruff, "format", "--stdin-filename", PLACE, "-"],
        input=module,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    PLACE.write_text(text())
