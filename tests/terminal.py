"""A person at a terminal: a shell on a real pseudo-terminal, with the shim in its own start-up file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pexpect

from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from types import TracebackType

    from tests.shimming import Place


def quick_start(shell: str) -> str:
    """Return the lines that the README's first screen has for a shell's start-up file."""
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    first = readme.partition("\n## Quick start\n")[2].partition("\n## ")[0]
    return first.partition(f"\n```{shell}\n")[2].partition("\n```\n")[0]


PLAIN = {
    "bash": "PS1='P> '",
    "zsh": "autoload -Uz compinit && compinit -u; PROMPT='P> '",
    "fish": "function fish_prompt; echo -n 'P> '; end; set -g fish_greeting ''",
}
"""A start-up file as one has it before."""

START = {
    "bash": """\
eval "$(awsassume --init bash)"
PS1='${awsassume_prompt:+[$awsassume_prompt] }P> '
""",
    "zsh": """\
autoload -Uz compinit && compinit -u
eval "$(awsassume --init zsh)"
setopt prompt_subst
PROMPT='${awsassume_prompt:+[$awsassume_prompt] }P> '
""",
    "fish": """\
awsassume --init fish | source
function fish_prompt
    set -l role (awsassume_prompt)
    test -n "$role"; and echo -n "[$role] "
    echo -n 'P> '
end
set -g fish_greeting ''
set -g fish_autosuggestion_enabled 0
""",
}
_SHOW = {
    "bash": "show() { printf '{%s' \"$1\"; shift; printf '<%s>' \"$@\"; printf '}\\n'; }",
    "zsh": "show() { printf '{%s' \"$1\"; shift; printf '<%s>' \"$@\"; printf '}\\n'; }",
    "fish": "function show; printf '{%s' $argv[1]; printf '<%s>' $argv[2..]; printf '}\\n'; end",
}
_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
INTERRUPT, SUSPEND, TAB, KILL_LINE = "\x03", "\x1a", "\t", "\x15"


class Terminal:
    """A shell that waits for what is typed."""

    def __init__(
        self, shell: str, place: Place, before: str = "", after: str = "", start: str | None = None
    ) -> None:
        """Start the shell.

        In its start-up file `before` and `after` stand around our lines, or around `start`.
        """
        self.shell = shell
        self.place = place
        self.count = 0
        file = place.home / _FILES[shell]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"{before}\n{START[shell] if start is None else start}\n{_SHOW[shell]}\n{after}\n"
        )
        self.child = pexpect.spawn(
            need(shell),
            ["-i"],
            env={**place.environ, "HISTFILE": "/dev/null"},
            cwd=str(place.home),
            encoding="utf-8",
            timeout=BOUND,
            dimensions=(50, 160),
        )
        self.child.expect("P> ")

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the shell, whatever it is doing."""
        self.child.close(force=True)

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys)

    def see(self, pattern: str) -> str:
        """Wait until something is on the screen, and return it."""
        self.child.expect(pattern)
        return str(self._match.group(0))

    @property
    def _match(self) -> re.Match[str]:
        match = self.child.match
        assert isinstance(match, re.Match)
        return match

    @property
    def before(self) -> str:
        """What was on the screen before what was last seen."""
        return str(self.child.before)

    def see_all(self, *words: str) -> None:
        """Wait until all of these have been on the screen, in whatever order."""
        rest = list(words)
        while rest:
            del rest[self.child.expect_exact(rest)]

    def run(self, line: str, *, see: str | None = None) -> int:
        """Type a line, wait for what is to be seen and for the end, and return the exit code."""
        self.type(f"{line}\r")
        if see:
            self.see(see)
        return self.code()

    def code(self) -> int:
        """Wait until the shell answers, and return the last exit code."""
        self.count += 1
        status = "$status" if self.shell == "fish" else "$?"
        self.type(f'echo "<{self.count}"":{status}>"\r')
        self.child.expect(rf"<{self.count}:(\d+)>")
        return int(self._match.group(1))

    def completed(self, typed: str) -> list[str]:
        """Press Tab behind a line, and return the words that the shell then reads."""
        self.count += 1
        # Before the first word comes another command, which shows the words behind it.
        self.type(f"{typed}{TAB}")
        self.type(f"\x01show {self.count} \x05\r")
        self.child.expect(rf"\{{{self.count}((?:<[^<>\r\n]*>)*)\}}")
        return str(self._match.group(1))[1:-1].split("><")

    def dump(self, name: str) -> dict[str, str]:
        """Return the environment that a program gets now, without what the terminal puts there."""
        self.run(f"python dump.py {name}")
        return self.place.dumped(name)
