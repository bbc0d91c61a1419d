"""What a shell reads is what was written: real shells, hostile values, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awsassume import shells
from tests.waiting import BOUND

DUMP = """\
import os
with open(os.environ["FILE"] + ".seen", "w") as seen:
    for name, value in os.environb.items():
        if name.startswith(b"V_"):
            print(name.decode(), value.hex(), file=seen)
"""

NASTY = (
    *"'\"\\$`!*?[]{}()<>|&;#~=%^@:, \t\n\r-+/.",
    *"\u2018\u2019\u201a\u201b\u201c\u00e9\u0416\u65e5\U0001f511\u00a0\u0301\u2028\ufeff",
    *"\x01\x07\x08\x1b\x7f\x85",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}",
    "!!",
    "'; touch pwned; '",
    "\n\n",
    "-e",
    "EOF",
    "''",
    "\\n",
    "\\'",
    "%PATH%",
    "a",
    "Z",
    "0",
)
HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(NASTY),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=24,
).map("".join)

FIXED = (
    "",
    "plain",
    "'",
    "''",
    "'''",
    "\\",
    "\\\\",
    "\\'",
    "'\\",
    '"',
    '\\"',
    "$HOME",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "\n",
    "a\n",
    "a\n\n",
    "\na",
    " ",
    "  two  blanks  ",
    "\t",
    "\r\n",
    "!",
    "!!",
    "!$",
    "a!b",
    "\\!",
    "*",
    "/*",
    "[a-z]?",
    "{a,b}",
    "~",
    "~root",
    "-n",
    "--",
    "-",
    "#",
    "a #b",
    "=",
    "a=b",
    "%1",
    "%%",
    "^a^b",
    "<(x)",
    "\u00e9\u65e5\u672c\U0001f511",
    "e\u0301",
    "\u2018quoted\u2019",
    "\x1b[31m",
    "\x7f",
    "\\0",
    "\\x41",
    "\\u0041",
    "x" * 8192,
    "'\\!$`\"\n* " * 1024,
)


@dataclass(frozen=True)
class Shell:
    """A real shell and the way its users load what we print."""

    name: str
    format: str
    command: tuple[str, ...]
    load: str
    stdin: bool = False
    optional: bool = False

    def run(self, script: str, home: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run ``script`` in this shell, in ``home``, with an environment of its own."""
        if shutil.which(self.command[0]) is None:
            if os.environ.get("CI") and not self.optional:
                pytest.fail(f"{self.command[0]} is not installed")
            pytest.skip(f"{self.command[0]} is not installed")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "HISTFILE": "/dev/null",
            "FILE": str(home / "statements"),
            "DUMP": str(home / "dump.py"),
            "PYTHON": sys.executable,
            **variables,
        }
        (home / "dump.py").write_text(DUMP)
        return subprocess.run(
            self.command if self.stdin else (*self.command, script),
            input=script.encode() if self.stdin else None,
            stdin=None if self.stdin else subprocess.DEVNULL,
            capture_output=True,
            cwd=home,
            env=environ,
            timeout=BOUND,
            check=False,
        )

    def read_back(self, changes: dict[str, str | None], home: Path) -> dict[str, bytes]:
        """Give the variables as a process sees them that the shell starts afterwards."""
        (home / "statements").write_bytes(os.fsencode(shells.render(self.format, changes)))
        done = self.run(f"{self.load}\n{self.dump}\n", home)
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
        return seen(home)

    @property
    def dump(self) -> str:
        """Print the variables, in this shell's way of naming one."""
        if self.format == "nushell":
            return "^$env.PYTHON -I -S $env.DUMP"
        if self.format == "elvish":
            return "(external $E:PYTHON) -I -S $E:DUMP"
        return '"$PYTHON" -I -S "$DUMP"'


def posix(name: str, *command: str, stdin: bool = False) -> Shell:
    """Make a POSIX shell that evaluates what a command printed."""
    return Shell(name, "env", command, 'eval "$(cat "$FILE")"', stdin)


SHELLS = (
    posix("bash", "bash", "--norc", "--noprofile", "-c"),
    posix("bash-posix", "bash", "--posix", "-c"),
    posix("bash-history", "bash", "--norc", "--noprofile", "-i", "-H", stdin=True),
    posix("zsh", "zsh", "-f", "-c"),
    posix(
        "zsh-frameworks",
        "zsh",
        "-f",
        "-o",
        "rcquotes",
        "-o",
        "extendedglob",
        "-o",
        "ksharrays",
        "-c",
    ),
    posix("zsh-emulating-sh", "zsh", "--emulate", "sh", "-f", "-c"),
    posix("zsh-history", "zsh", "-f", "-i", "-o", "banghist", "-s", stdin=True),
    posix("dash", "dash", "-c"),
    posix("ksh93", "ksh93", "-c"),
    posix("mksh", "mksh", "-c"),
    posix("busybox", "busybox", "sh", "-c"),
    posix("yash", "yash", "--norcfile", "--noprofile", "-c"),
    Shell("fish", "fish", ("fish", "--no-config", "-c"), "cat $FILE | source"),
    Shell("fish-eval", "fish", ("fish", "--no-config", "-c"), "eval (cat $FILE)"),
    Shell("fish-eval-quoted", "fish", ("fish", "--no-config", "-c"), 'eval "$(cat $FILE)"'),
    Shell("tcsh", "tcsh", ("tcsh", "-f", "-c"), 'eval "`cat $FILE`"'),
    Shell("tcsh-source", "tcsh", ("tcsh", "-f", "-c"), "source $FILE"),
    Shell("tcsh-history", "tcsh", ("tcsh", "-f", "-i"), 'eval "`cat $FILE`"', stdin=True),
    Shell(
        "tcsh-backslash",
        "tcsh",
        ("tcsh", "-f", "-c"),
        'set backslash_quote; eval "`cat $FILE`"',
    ),
    Shell("elvish", "elvish", ("elvish", "-norc", "-c"), "eval (slurp < $E:FILE)"),
    Shell(
        "nushell",
        "nushell",
        ("nu", "--no-config-file", "-c"),
        "open --raw $env.FILE | from json | load-env",
    ),
    Shell(
        "powershell",
        "powershell",
        ("pwsh", "-NoProfile", "-Command"),
        "Get-Content $env:FILE | Invoke-Expression",
        optional=True,
    ),
)
every_shell = pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)


def seen(home: Path) -> dict[str, bytes]:
    """Give what the last dump in ``home`` saw."""
    lines = (home / "statements.seen").read_text().splitlines()
    return {name: bytes.fromhex(text) for name, _, text in (x.partition(" ") for x in lines)}


def expect(values: list[str]) -> dict[str, bytes]:
    """Give what a process must see of ``values``."""
    return {f"V_{n}": os.fsencode(value) for n, value in enumerate(values)}


def numbered(values: list[str]) -> dict[str, str | None]:
    """Give ``values`` names."""
    return {f"V_{n}": value for n, value in enumerate(values)}


@every_shell
def test_fixed_hostile_values_come_out_byte_for_byte(shell: Shell, tmp_path: Path) -> None:
    """Quotes, newlines, globs, history, unicode and 8 KiB survive the shell."""
    values = list(FIXED)
    assert shell.read_back(numbered(values), tmp_path) == expect(values)
    assert not (tmp_path / "pwned").exists()


@every_shell
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(values=st.lists(HOSTILE, min_size=30, max_size=60))
def test_random_hostile_values_come_out_byte_for_byte(
    shell: Shell, tmp_path: Path, values: list[str]
) -> None:
    """At least 600 values a shell: what was written is what a child process sees."""
    assert shell.read_back(numbered(values), tmp_path) == expect(values)
    assert not (tmp_path / "pwned").exists()


BYTES = [
    shell for shell in SHELLS if shell.format in {"env", "fish", "tcsh"} and shell.name != "yash"
]


@pytest.mark.parametrize("shell", BYTES, ids=lambda shell: shell.name)
def test_bytes_that_are_not_utf8_survive(shell: Shell, tmp_path: Path) -> None:
    """A variable restored by --clear may hold any bytes."""
    values = [os.fsdecode(b"caf\xe9"), os.fsdecode(bytes(range(0x80, 0x100)))]
    assert shell.read_back(numbered(values), tmp_path) == expect(values)


@every_shell
def test_none_unsets_and_is_silent_when_nothing_was_set(shell: Shell, tmp_path: Path) -> None:
    """What is None is gone for every process started later; nothing is said, status 0."""
    changes = {"V_0": None, "V_1": "kept", "V_2": None}
    (tmp_path / "statements").write_text(shells.render(shell.format, changes))
    done = shell.run(f"{shell.load}\n{shell.dump}\n", tmp_path, V_0="before")
    assert done.returncode == 0
    assert seen(tmp_path) == {"V_1": b"kept"}
    if not shell.stdin:
        assert done.stdout == b""
        assert done.stderr == b""


@pytest.mark.parametrize(
    "shell",
    [shell for shell in SHELLS if shell.format in {"env", "fish"}],
    ids=lambda shell: shell.name,
)
@pytest.mark.parametrize("strict", [False, True], ids=["plain", "errexit"])
def test_every_statement_has_status_0(shell: Shell, strict: bool, tmp_path: Path) -> None:
    """`eval … && next` goes on, and `set -e` survives, also where nothing was set."""
    if strict and shell.format == "fish":
        pytest.skip("fish has no errexit")
    (tmp_path / "statements").write_text(shells.render(shell.format, {"V_0": "x", "V_1": None}))
    script = f"{'set -eu' if strict else ''}\n{shell.load} && {shell.dump}\n"
    assert shell.run(script, tmp_path).returncode == 0
    assert seen(tmp_path) == {"V_0": b"x"}


@pytest.mark.parametrize(
    "shell",
    [shell for shell in SHELLS if shell.format in {"env", "fish"}],
    ids=lambda shell: shell.name,
)
def test_statements_loaded_unquoted_are_read_alike(shell: Shell, tmp_path: Path) -> None:
    """`eval $(command)` joins lines with blanks: each statement has its own end."""
    load = "eval (cat $FILE)" if shell.format == "fish" else "eval $(cat $FILE)"
    values = ["plain", "a\\b'c", "$x`y`", 'x="y"', "two words", ""]
    (tmp_path / "statements").write_text(
        shells.render(shell.format, {**numbered(values), "V_gone": None})
    )
    done = shell.run(f"{load}\n{shell.dump}\n", tmp_path, V_gone="x")
    assert done.returncode == 0, done.stderr
    assert seen(tmp_path) == expect(values)


@pytest.mark.parametrize("load", ["eval (cat $FILE)", 'eval "$(cat $FILE)"', "source $FILE"])
def test_fish_reads_export_lines_as_posix_shells_do(load: str, tmp_path: Path) -> None:
    """`--format env` in fish gives the same values."""
    fish = next(shell for shell in SHELLS if shell.name == "fish")
    values = [value for value in FIXED if "\n" not in value]
    (tmp_path / "statements").write_bytes(os.fsencode(shells.render("env", numbered(values))))
    done = fish.run(f"{load}\n{fish.dump}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert seen(tmp_path) == expect(values)


def test_fish_says_when_a_universal_variable_stays(tmp_path: Path) -> None:
    """A universal AWS_PROFILE would show through: that is said, it is erased nowhere, and nothing is changed."""
    fish = Shell("fish", "fish", ("fish", "-c"), "source $FILE")
    (tmp_path / "statements").write_text(shells.render("fish", {"V_1": "new", "V_0": None}))
    script = (
        "set -Ux V_0 everywhere; set -gx V_1 old\n"
        f"{fish.load}\nand echo WENT ON; set -q -U V_0; and echo kept $V_1"
    )
    done = fish.run(script, tmp_path)
    said = (
        b"awsassume: a local or universal variable is in the way,"
        b" look for it in: set -S | grep AWS\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"kept old\n", said)


FAILURES = {
    "env": (
        'eval "$(cat "$FILE")" && echo WENT ON; true',
        "eval $(cat $FILE) && echo WENT ON; true",
        'set -e; eval "$(cat "$FILE")"; echo WENT ON',
        "set -e; eval $(cat $FILE); echo WENT ON",
        'if eval "$(cat "$FILE")"; then echo WENT ON; fi',
    ),
    "fish": (
        "eval (cat $FILE); and echo WENT ON; true",
        'eval "$(cat $FILE)"; and echo WENT ON; true',
        "cat $FILE | source; and echo WENT ON; true",
        "eval (cat $FILE) && echo WENT ON; true",
    ),
    "tcsh": (
        'eval "`cat $FILE`" && echo WENT ON',
        "eval `cat $FILE` && echo WENT ON",
        "source $FILE && echo WENT ON",
    ),
    "elvish": ("eval (slurp < $E:FILE); echo WENT ON",),
    "nushell": ("open --raw $env.FILE | from json | load-env; print 'WENT ON'",),
    "powershell": ("Get-Content $env:FILE | Invoke-Expression; 'WENT ON'",),
}


@pytest.mark.parametrize(
    "shell, script",
    [
        pytest.param(shell, script, id=f"{shell.name}: {script}")
        for shell in SHELLS
        if not shell.stdin
        for script in FAILURES[shell.format]
    ],
)
def test_a_failed_call_stops_what_follows(shell: Shell, script: str, tmp_path: Path) -> None:
    """`eval` of nothing succeeds; `eval` of what a failed call prints fails."""
    (tmp_path / "statements").write_text(shells.failure(shell.format))
    done = shell.run(script, tmp_path)
    assert b"WENT ON" not in done.stdout


def test_env_no_export_is_raw_lines_without_what_is_unset() -> None:
    """Docker and GitHub take a line as it stands, quotes and all."""
    changes = {"A": "it's \\ $x", "B": None, "C": ""}
    assert shells.render("env-no-export", changes) == "A=it's \\ $x\nC=\n"
    assert shells.failure("env-no-export") == "awsassume: failed\n"


def test_windows_cmd_is_set_lines_in_quotes() -> None:
    """`for /f "delims=" %i in (…) do %i` runs each line without expanding it again."""
    changes = {"A": "x & y | 100%", "B": None}
    assert shells.render("windows-cmd", changes) == 'set "A=x & y | 100%"\nset "B="\n'
    # The key's id comes first; another cmd is asked whether it is there, since `for` runs no `if`.
    lines = shells.render("windows-cmd", {"A": "ASIA1", "B": "s3cret"}).splitlines()
    assert lines[2:] == [
        'cmd /v:on /d /c "if not "!A!"=="ASIA1" (echo awsassume: A was not taken 1>&2 & exit 1)"'
    ]


UNQUOTABLE = [
    *((format_, "a\0b", "NUL") for format_ in shells.FORMATS),
    ("env-no-export", "a\nb", "newline"),
    ("env-no-export", "a\rb", "newline"),
    ("env-no-export", "a\x1bb", "control"),
    ("env-no-export", "a\x85b", "control"),
    ("windows-cmd", "a\nb", "newline"),
    ("windows-cmd", 'a"b', "double quote"),
    *(
        (format_, "a\udce9", "UTF-8")
        for format_ in ("powershell", "windows-cmd", "nushell", "elvish")
    ),
]


@pytest.mark.parametrize("format_, value, why", UNQUOTABLE)
def test_a_value_that_a_shell_cannot_hold_is_refused(format_: str, value: str, why: str) -> None:
    """The message names the variable and the reason, and does not show the value."""
    with pytest.raises(ValueError, match=why) as caught:
        shells.render(format_, {"V_0": value})
    assert "V_0" in str(caught.value)
    assert value not in str(caught.value)


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), HOSTILE | st.none()))
def test_what_cmd_and_env_files_get_is_one_statement_a_line(changes: dict[str, str | None]) -> None:
    """No value makes a line more, ends its quotes, or is lost."""
    for format_ in ("windows-cmd", "env-no-export"):
        try:
            text = shells.render(format_, changes)
        except ValueError:
            continue
        kept = {n: v for n, v in changes.items() if v is not None or format_ == "windows-cmd"}
        lines = [line for line in text.splitlines() if not line.startswith("cmd /v:on /d /c ")]
        assert len(lines) == len(kept)
        for line, (name, value) in zip(lines, kept.items(), strict=True):
            if format_ == "windows-cmd":
                assert line == f'set "{name}={value or ""}"'
                assert line.count('"') == 2
            else:
                assert line == f"{name}={value}"


def test_nothing_to_change_is_nothing_to_read() -> None:
    """An empty map renders as nothing (nushell: an empty record)."""
    for format_ in shells.FORMATS:
        assert shells.render(format_, {}) == ("{}\n" if format_ == "nushell" else "")


def test_the_order_given_is_the_order_printed() -> None:
    """Statements never change places."""
    names = ["B", "A", "D", "C"]
    text = shells.render("env", dict.fromkeys(names, "x"))
    lines = [line for line in text.splitlines() if line.startswith("export ")]
    assert [line.split("=")[0] for line in lines] == [f"export {n}" for n in names]


PARENTS = {
    "/usr/bin/bash": "env",
    "/bin/zsh-5.9": "env",
    "-zsh": "env",
    "/usr/bin/dash": "env",
    "/usr/bin/ksh93": "env",
    "/usr/bin/busybox": "env",
    "/usr/bin/fish": "fish",
    "/usr/bin/fish (deleted)": "fish",
    "/opt/fish-3.6.0": "fish",
    "-fish": "fish",
    "fish": "fish",
    "/bin/tcsh": "tcsh",
    "/bin/bsd-csh": "tcsh",
    "/usr/bin/nu": "nushell",
    "/usr/bin/elvish": "elvish",
    "/opt/microsoft/powershell/7/pwsh": "powershell",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\PowerShell.EXE": "powershell",
    "C:\\Windows\\System32\\cmd.exe": "windows-cmd",
    "/usr/bin/python3.11": "env",
    "": "env",
    "/": "env",
}


@pytest.mark.parametrize("parent, format_", PARENTS.items())
def test_the_parent_tells_the_shell(parent: str, format_: str) -> None:
    """The executable that called decides, not the login shell."""
    assert shells.detect({"SHELL": "/usr/bin/fish"}, parent) == format_


def test_awsassume_shell_beats_the_parent() -> None:
    """The shims say which shell they are; a name nobody knows is passed over."""
    assert shells.detect({"AWSASSUME_SHELL": "fish"}, "/bin/bash") == "fish"
    assert shells.detect({"AWSASSUME_SHELL": "zsh"}, "/usr/bin/fish") == "env"
    assert shells.detect({"AWSASSUME_SHELL": "; rm"}, "/usr/bin/fish") == "fish"
    assert shells.detect({"AWSASSUME_SHELL": ""}, None) == "env"


@pytest.mark.parametrize(
    "shell",
    [shell for shell in SHELLS if not shell.stdin and shell.name != "nushell"],
    ids=lambda shell: shell.name,
)
def test_a_real_shell_is_recognised(shell: Shell, tmp_path: Path) -> None:
    """The process that a shell starts finds that shell above it, with and without /proc."""
    program = tmp_path / "detect.py"
    program.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path(shells.__file__).parents[1])!r})\n"
        "from awsassume import shells\n"
        "print(shells.detect({}, shells.parent_executable()),"
        " shells.detect({}, shells._executable_by_ps(os.getppid())))\n"
    )
    done = shell.run(
        shell.dump.replace("DUMP", "PROGRAM") + "\ntrue", tmp_path, PROGRAM=str(program)
    )
    by_proc, by_ps = done.stdout.decode().split()
    assert by_proc == shell.format
    if shutil.which("ps"):
        assert by_ps == shell.format


def test_nothing_slow_is_imported() -> None:
    """Every call pays for this module; nushell alone pays for json."""
    script = (
        "import sys; before = set(sys.modules); from awsassume import shells;"
        " [shells.render(f, {'A': \"x'\"}) for f in shells.FORMATS if f != 'nushell'];"
        " shells.detect({}, shells.parent_executable());"
        " print(*sorted(set(sys.modules) - before))"
    )
    root = str(Path(shells.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {root!r}); {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) <= {
        "__future__",
        "awsassume",
        "awsassume.formats",
        "awsassume.shells",
        "gc",
    }
