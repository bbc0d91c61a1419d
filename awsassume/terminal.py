"""What is said in place of secrets, where they would be shown on a terminal."""

import os

from awsassume import shells, shims, spelling
from awsassume.errors import UsageFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.request import Request


def refusal(argv: list[str], request: "Request", place: str = "on the terminal") -> UsageFailure:
    """Say how a shell reads what these words would print."""
    line = spelling.command(["awsassume", *argv])
    if request.format is not None:
        return UsageFailure(
            f"this would print credentials {place}; --format {request.format} is for a program to read",
            f"see what they are: {spelling.command(['awsassume', '--show', *argv])}",
        )
    return UsageFailure(
        f"this would print credentials {place}; a shell must read them",
        f'run: eval "$({line})", or see what they are with --show{_without_eval(line)}',
    )


def _without_eval(line: str) -> str:
    """Say how the calling shell gets the function, if there is one for it."""
    shell = os.path.basename(shells.parent_executable() or "")
    loads = shims.LOADING.get(shell)
    return f"\nto have {line} do so by itself, once: {loads}" if loads else ""
