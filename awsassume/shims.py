"""The functions and hooks that make a shell at home with awsassume: `--init SHELL`.

Each is a file of its own, plain code of its shell that works when it is sourced as it
is. What `script` adds is the quickest way to start this very program.
"""

import os

SHELLS = ("bash", "zsh", "fish")
"""The shells that have a shim."""

LOADING = {
    "bash": 'eval "$(awsassume --init bash)"',
    "zsh": 'eval "$(awsassume --init zsh)"',
    "fish": "awsassume --init fish | source",
}
"""The line that each takes in its own file, as the README has it."""

_ANYWHERE = {
    "bash": "\\command awsassume ",
    "zsh": "\\command awsassume ",
    "fish": "command awsassume ",
}
"""How each file starts the program: by its name, wherever PATH has it."""

_THERE = {
    "bash": "\\builtin type -P awsassume >/dev/null",
    "zsh": "(( ${+commands[awsassume]} ))",
    "fish": "command -q awsassume",
}
"""How each file asks whether it is still there."""


def script(shell: str, command: list[str]) -> str:
    """Return the code that `eval` makes the shim of.

    Args:
        shell: one of `SHELLS`.
        command: the program and the arguments that start awsassume, as for `execv`.

    Raises:
        ValueError: a word of the command that no shell can quote, or an unknown shell.
        OSError: the file is missing from the installation, or unreadable.
    """
    if shell not in SHELLS:
        raise ValueError(f"there is no shim for {shell}: choose one of {', '.join(SHELLS)}")
    anywhere = _ANYWHERE[shell]
    text = _read(f"awsassume.{shell}")
    words = " ".join(_quoted(shell, word) for word in command)
    text = text.replace(_THERE[shell], _there(shell, command))
    return text.replace(anywhere, f"{anywhere.partition('awsassume')[0]}{words} ")


def _there(shell: str, command: list[str]) -> str:
    if not os.path.isabs(command[0]):
        return _THERE[shell]
    program = _quoted(shell, command[0])
    tests = [f"-x {program}"]
    if command[-1].endswith("/__main__.py"):
        tests.append(f"-e {_quoted(shell, command[-1])}")
    if shell == "fish":
        return "; and ".join(f"builtin test {test}" for test in tests)
    return f"[[ {' && '.join(tests)} ]]"


def _read(name: str) -> str:
    here = os.path.dirname(os.path.abspath(__file__))
    # In the wheel they lie inside the package, in a checkout beside it.
    for folder in (os.path.join(here, "shell"), os.path.join(os.path.dirname(here), "shell")):
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            continue
    raise FileNotFoundError(f"this installation has no {name}: install awsassume again")


def _quoted(shell: str, word: str) -> str:
    if "\0" in word:
        raise ValueError("a NUL character cannot be part of a command")
    if shell == "fish":
        # As fish_indent has it.
        if (
            word.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
            and word.isascii()
        ):
            return word
        return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + word.replace("'", "'\\''") + "'"
