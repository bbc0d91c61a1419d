"""The map of variables as text that a shell reads, and which shell that is.

One map from variable to value, or to None for "unset", goes in; the statements of
one shell come out. Nothing slow is imported here: this module is on the way of
every call, and quoting is ``str.replace``.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMATS: tuple[str, ...] = (
    "env",
    "env-no-export",
    "fish",
    "powershell",
    "windows-cmd",
    "tcsh",
    "nushell",
    "elvish",
)
"""Every format that `render` knows, under the names of the AWS CLI where it has one."""

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def render(format: str, changes: "Mapping[str, str | None]") -> str:  # noqa: A002
    """Write ``changes`` as statements for the shell that reads ``format``.

    Args:
        format: one of `FORMATS`.
        changes: variable to value, or to None where it is to be unset; written in
            the order given. Names are identifiers of our own and are not quoted.

    Returns:
        The whole text, a statement a line, each with its newline; ``""`` when there
        is nothing to change. The last ones ask whether the shell took it all, and fail
        where it did not; in the shells that can be asked before, nothing is changed then.
        Lines of POSIX shells and of fish are joined by ``&&``: what was cut off is a
        syntax error, and what was filtered out is not missed by the others.

    Raises:
        ValueError: a value that this shell has no way to write. The message names
            the variable and never holds the value.
    """
    for name, value in changes.items():
        if value is not None and "\0" in value:
            msg = f"{name} holds a NUL character"
            raise ValueError(msg)
    write = _WRITERS.get(format)
    if write is None:
        from awsassume import formats

        write = formats.WRITERS[format]
    return write(changes)


def failure(format: str) -> str:  # noqa: A002
    """Give what the shell must read instead of statements when the call failed.

    ``eval "$(command)"`` has status 0 when the command fails and prints nothing, so
    a failed call prints a statement that fails.
    """
    return _FAILURES[format]


def detect(environ: "Mapping[str, str]", parent_executable: str | None) -> str:
    """Tell which of `FORMATS` the calling shell reads.

    Args:
        environ: ``AWSASSUME_SHELL``, which the shims set, beats everything.
        parent_executable: path or name of the parent process's executable; a version
            at its end and ``.exe`` are passed over.

    Returns:
        The format; ``env`` where nothing says otherwise. ``$SHELL`` is not asked: it
        is the login shell, not the one that reads.
    """
    for named in (environ.get("AWSASSUME_SHELL"), parent_executable):
        if named:
            found = reads(named)
            if found:
                return found
    return "env"


def parent_executable() -> str | None:
    """Find the executable of the process that started this one, or None."""
    parent = os.getppid()
    try:
        return os.readlink(f"/proc/{parent}/exe")
    except OSError:
        return _executable_by_ps(parent)


def _executable_by_ps(process: int) -> str | None:
    # posix_spawn and not subprocess, whose import alone costs more than ps does.
    try:
        reader, writer = os.pipe()
    except OSError:
        return None
    try:
        child = os.posix_spawnp(
            "ps",
            ["ps", "-o", "comm=", "-p", str(process)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
    except (OSError, AttributeError):
        return None
    else:
        os.close(writer)
        writer = -1
        with os.fdopen(os.dup(reader), encoding="utf-8", errors="replace") as said:
            name = said.read().strip()
        os.waitpid(child, 0)
        return name or None
    finally:
        os.close(reader)
        if writer != -1:
            os.close(writer)


def reads(executable: str) -> str | None:
    """Give the format that a shell's executable reads; None for one of no shell."""
    name = executable.removesuffix(" (deleted)").replace("\\", "/")
    name = name.rpartition("/")[2].lower().removesuffix(".exe").lstrip("-")
    return _READS.get(name) or _READS.get(name.rstrip("0123456789.-_"))


def _env(changes: "Mapping[str, str | None]") -> str:
    if not changes:
        return ""
    kept = [name for name, value in changes.items() if value is not None]
    gone = [name for name in changes if name not in kept]
    # In a subshell first, with words that an attribute as integer or lower case would change: a readonly variable, or one
    # that a caller's local covers, is met before anything is changed.
    probe = [
        f"export {' '.join(f'{name}=xX' for name in kept)}" if kept else "",
        f'[ "{"".join(f"${name}" for name in kept)}" = {"xX" * len(kept)} ]' if kept else "",
        f"unset {' '.join(gone)}" if gone else "",
        f'[ -z "{"".join(f"${{{name}+x}}" for name in gone)}" ]' if gone else "",
    ]
    # fish has no subshell, and no `unset`. It alone reads the two backslashes as one.
    unless_fish = "" if gone else "[ '\\\\' = \"\\\\\" ] || "
    lines = [
        f"{unless_fish}eval '({' && '.join(filter(None, probe))}) 2>/dev/null'",
        *(
            f"unset {name}" if value is None else f"export {name}={posix(value)}"
            for name, value in changes.items()
        ),
    ]
    tests = {
        name: f'[ -z "${{{name}+x}}" ]'
        if value is None
        else f'[ "x${name}" = {posix("x" + value)} ]'
        for name, value in changes.items()
    }
    last = _last(changes)
    lines += [test for name, test in tests.items() if name not in last]
    said = "awsassume: a variable is kept as it is, look for it in: readonly -p | grep AWS"
    ends = f" || eval 'echo \"{said}\" >&2; false';\n"
    return " &&\n".join([*lines, " && ".join(tests[name] for name in last)]) + ends


def _last(changes: "Mapping[str, str | None]") -> list[str]:
    """Give the variables that say who one is: the last line asks for all of these, whatever a filter took out before it."""
    first, *others = changes
    return [first] + [
        name
        for name in others
        if not name.startswith("AWSASSUME_") and (changes[name] is None or name in _KEYS)
    ]


def posix(value: str) -> str:
    """Quote a value as one word of a POSIX shell, or of fish."""
    # The one quoting that every POSIX shell and fish read alike: fish sees \\ and \'
    # inside single quotes, so both characters stand between double quotes.
    quoted = value.replace("'", "\0").replace("\\", "'\"\\\\\"'").replace("\0", "'\"'\"'")
    return f"'{quoted}'"


def _fish(changes: "Mapping[str, str | None]") -> str:
    if not changes:
        return ""
    lines = [
        # A function's own variable, or a caller's, would cover ours. One of a block, or before one command, is let go of.
        *(
            f"not set -q -f {name} && begin; set -q -l {name} && set -e -l {name}; not set -q -l {name}; end"
            for name in changes
        ),
        # A universal variable shows through once the global one is gone. fish has no way to cover it, and to erase it
        # would change every other shell for good.
        *(f"not set -q -x -U {name}" for name, value in changes.items() if value is None),
        *(
            f"if set -q -g {name}; set -e -g {name}; end"
            if value is None
            else f"set -gx {name} {_fish_quoted(value)}"
            for name, value in changes.items()
        ),
    ]
    tests = {
        name: f"not set -q -x {name}"
        if value is None
        else f'[ "x${name}" = {_fish_quoted("x" + value)} ]'
        for name, value in changes.items()
    }
    last = _last(changes)
    lines += [test for name, test in tests.items() if name not in last]
    said = "a local or universal variable is in the way, look for it in: set -S | grep AWS"
    ends = f" || begin; builtin echo 'awsassume: {said}' >&2; false; end;\n"
    return " &&\n".join([*lines, " && ".join(tests[name] for name in last)]) + ends


def _fish_quoted(value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    # `eval (command)` makes a space of a newline that stands inside quotes.
    return "'" + quoted.replace("\n", "'\\n'") + "'"


_WRITERS: "dict[str, Callable[[Mapping[str, str | None]], str]]" = {
    "env": _env,
    "fish": _fish,
}

_FAILURES = {
    "env": "false;\n",
    # No name of a variable for docker, no command for env, no assignment for a shell.
    "env-no-export": "awsassume: failed\n",
    "fish": "false;\n",
    "powershell": "throw 'awsassume failed';\n",
    "windows-cmd": "cmd /c exit 1\n",
    "tcsh": "false;\n",
    "nushell": "false\n",
    "elvish": "fail 'awsassume failed';\n",
}

_READS = {
    "bash": "env",
    "zsh": "env",
    "sh": "env",
    "dash": "env",
    "ash": "env",
    "ksh": "env",
    "mksh": "env",
    "lksh": "env",
    "yash": "env",
    "busybox": "env",
    "fish": "fish",
    "pwsh": "powershell",
    "pwsh-preview": "powershell",
    "powershell": "powershell",
    "cmd": "windows-cmd",
    "tcsh": "tcsh",
    "csh": "tcsh",
    "bsd-csh": "tcsh",
    "nu": "nushell",
    "nushell": "nushell",
    "elvish": "elvish",
}
