"""Variables that stood before one command alone, as in ``AWS_PROFILE=dev awsassume ROLE``: they are no part of the shell.

The shells' functions find them, and name them in AWSASSUME_PREFIXED, once for each that is on top of another. What the shell
itself holds of each stands behind a ``=``, percent-encoded, or comes in AWSASSUME_HELD_NAME, with one letter behind it, since
bash cuts off the newlines at an end.
"""

import os

from awsassume import environment

NAMES = "AWSASSUME_PREFIXED"
_HELD = "AWSASSUME_HELD_"


def taken_apart(environ: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Take what the function tells out of an environment; give the shell's own, and the names. Changes ``os.environ`` too."""
    items = environ.get(NAMES, "").split()
    held = {name: environ[name] for name in environ if name.startswith(_HELD)}
    for name in (NAMES, *held):
        del environ[name]
        os.environ.pop(name, None)
    shell = dict(environ)
    names: list[str] = []
    for item in items:
        name, told, text = item.partition("=")
        if not (name.isascii() and name.isidentifier()):
            continue
        names.append(name)
        value = held[_HELD + name][:-1] if _HELD + name in held else None
        try:
            value = environment.decode(text) if told else value
        except ValueError:
            value = None
        environment.replace(shell, name, value)
    return shell, names


def uncovered(
    changes: environment.Changes, shell: dict[str, str], names: list[str]
) -> environment.Changes:
    """Add to what a shell is told that it takes away what, for this command, speaks louder than keys."""
    covering = [
        name for name in names if environment.is_rival(name) and name not in {*changes, *shell}
    ]
    return {**changes, **dict.fromkeys(covering)}


def peeling(names: list[str]) -> str:
    """Give the lines with which bash takes them away itself, since there one would be changed in place of the shell's own."""
    return "".join(f"unset {name};\n" for name in names)
