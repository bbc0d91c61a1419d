"""The map of variables as text, for shells and readers that are rarer than bash, zsh and fish.

A hit reads this module only for one of them.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_JSON = {code: f"\\u{code:04x}" for code in (*range(0x20), ord('"'), ord("\\"), 0x7F)}
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029))


def _env_no_export(changes: "Mapping[str, str | None]") -> str:
    for name, value in changes.items():
        if value is not None:
            _refuse_controls(name, value)
    return "".join(f"{name}={value}\n" for name, value in changes.items() if value is not None)


def _powershell(changes: "Mapping[str, str | None]") -> str:
    lines = []
    for name, value in changes.items():
        if value is not None:
            _refuse_surrogates(name, value)
        written = "$null" if value is None else _powershell_quoted(value)
        lines.append(f"$env:{name} = {written};\n")
    for name, value in changes.items():
        # In quotes what is not there is empty, and what is empty is not there.
        lines.append(
            f'if ("$env:{name}" -cne ({_powershell_quoted(value or "")})) '
            f"{{ throw 'awsassume: {name} was not taken' }};\n"
        )
    return "".join(lines)


def _powershell_quoted(value: str) -> str:
    # PowerShell takes the four typographic quotes for the plain one.
    for quote in "'\u2018\u2019\u201a\u201b":
        value = value.replace(quote, quote * 2)
    # Invoke-Expression gets a line at a time from a pipe.
    value = value.replace("\r", "'+\"`r\"+'").replace("\n", "'+\"`n\"+'")
    return f"'{value}'"


def _windows_cmd(changes: "Mapping[str, str | None]") -> str:
    lines = []
    for name, value in changes.items():
        if value is None:
            lines.append(f'set "{name}="\n')
            continue
        _refuse_controls(name, value)
        _refuse_surrogates(name, value)
        if '"' in value:
            msg = f"{name} holds a double quote, which cmd has no way to write"
            raise ValueError(msg)
        lines.append(f'set "{name}={value}"\n')
    for name, value in list(changes.items())[:1]:
        # `for … do %i` takes no `if`; of another cmd the key's id may be an argument, and a secret may not.
        if value is None or (value.isascii() and value.isalnum()):
            lines.append(
                f'cmd /v:on /d /c "if not "!{name}!"=="{value or ""}" '
                f'(echo awsassume: {name} was not taken 1>&2 & exit 1)"\n'
            )
    return "".join(lines)


def _tcsh(changes: "Mapping[str, str | None]") -> str:
    lines = [
        f"unsetenv {name};\n" if value is None else f"setenv {name} {_tcsh_quoted(value)};\n"
        for name, value in changes.items()
    ]
    for name, value in list(changes.items())[:1]:
        # A variable of the shell's own is read before one of the environment; printenv is part of tcsh, and asks the latter.
        if value is None or (value.isascii() and value.isalnum()):
            lines.append(
                f"if ( \"`printenv {name}`\" != '{value or ''}' ) "
                f"sh -c 'echo \"awsassume: {name} was not taken\" >&2; exit 1';\n"
            )
    return "".join(lines)


def _tcsh_quoted(value: str) -> str:
    # Special characters stand outside the quotes, where `eval` and `source` read them
    # alike, whatever history and backslash_quote are set to.
    quoted = value.replace("'", "\0").replace("\\", "'\\\\'").replace("!", "'\\!'")
    quoted = quoted.replace("\n", "'$'\\n''").replace("\0", "'\\''")
    return f"'{quoted}'"


def _nushell(changes: "Mapping[str, str | None]") -> str:
    # JSON by hand: the import of json costs more than all the rest of a call.
    pairs = []
    for name, value in changes.items():
        if value is not None:
            _refuse_surrogates(name, value)
        written = "null" if value is None else f'"{value.translate(_JSON)}"'
        pairs.append(f'"{name}": {written}')
    return "{" + ", ".join(pairs) + "}\n"


def _elvish(changes: "Mapping[str, str | None]") -> str:
    lines = []
    for name, value in changes.items():
        if value is None:
            lines.append(f"unset-env {name};\n")
            continue
        _refuse_surrogates(name, value)
        lines.append(f"set-env {name} {_elvish_quoted(value)};\n")
    for name, value in changes.items():
        is_there = f"(has-env {name})"
        wrong = f"(not-eq $E:{name} {_elvish_quoted(value)})" if value is not None else is_there
        lines.append(f"if {wrong} {{ fail 'awsassume: {name} was not taken' }};\n")
    return "".join(lines)


def _elvish_quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _refuse_controls(name: str, value: str) -> None:
    if value.translate(_CONTROLS) != value:
        msg = f"{name} holds a newline or another control character"
        raise ValueError(msg)


def _refuse_surrogates(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        msg = f"{name} is not UTF-8"
        raise ValueError(msg) from None


WRITERS: "dict[str, Callable[[Mapping[str, str | None]], str]]" = {
    "env-no-export": _env_no_export,
    "powershell": _powershell,
    "windows-cmd": _windows_cmd,
    "tcsh": _tcsh,
    "nushell": _nushell,
    "elvish": _elvish,
}
"""Each takes the map from variable to value, or to None for "unset". Raises ValueError as ``shells.render`` does."""
