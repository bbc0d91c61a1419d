"""Run commands one after the other in one real shell, and tell each one's answer and exit code.

The shell is given the commands as a script, with a line of its own after each that tells the exit
code. What a command does to the shell is thus there for the next, as if a person had typed them.
"""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHELLS = {
    "bash": ("bash", "--noprofile", "--norc"),
    "zsh": ("zsh", "-f"),
    "fish": ("fish", "--no-config"),
}
"""How each shell is started so that it reads nobody's configuration."""

_STATUS = {"bash": "$?", "zsh": "$?", "fish": "$status"}


@dataclass(frozen=True)
class Answer:
    """What a command wrote to stdout and stderr, in that order of events, and its exit code."""

    command: str
    output: str
    code: int

    def __str__(self) -> str:
        return f"$ {self.command}\n{self.output}[exit code {self.code}]"


def transcript(
    shell: str, commands: Sequence[str], environ: Mapping[str, str], cwd: str
) -> Iterator[Answer]:
    """Yield the answer to each of `commands`, as it comes, from one `shell`.

    Raises RuntimeError where the shell ends before it has run them all.
    """
    mark = f"--{secrets.token_hex(16)}"
    script = "".join(
        f"{command}\nprintf '\\n%s %s\\n' {mark} {_STATUS[shell]}\n" for command in commands
    )
    with tempfile.NamedTemporaryFile("w", prefix="transcript-", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        process = subprocess.Popen(
            (*SHELLS[shell], file.name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            env=dict(environ),
            cwd=cwd,
        )
        with process:
            assert process.stdout is not None
            left = list(commands)
            output: list[str] = []
            for line in process.stdout:
                if not line.startswith(mark):
                    output.append(line)
                    continue
                yield Answer(left.pop(0), "".join(output).removesuffix("\n"), int(line.split()[1]))
                output.clear()
    if left:
        message = f"{shell} ended before {left[0]!r}:\n{''.join(output)}"
        raise RuntimeError(message)
