"""Which words of a command line go together, and what else each verb needs."""

import typer

from awsassume import spelling
from awsassume.errors import UsageFailure
from awsassume.request import Request

PROGRAM = "awsassume"

# The verbs that take a ROLE, and those that run a COMMAND.
WITH_ROLE = frozenset(("console", "explain", "print-profile", "purge", "serve", "whoami"))
NEEDS_ROLE = frozenset(("explain", "print-profile"))
WITH_JSON = frozenset(("explain", "list", "purge", "whoami"))
WITH_COMMAND = frozenset(("export", "serve"))
# The verbs that leave nothing to be said with other options than these.
_BARE = {
    "clear": frozenset(("format", "show")),
    "renew": frozenset(("format", "show", "refresh")),
    "init": frozenset(("shell",)),
    "login": frozenset(("role", "no_open")),
    "version": frozenset[str](),
}


def mode(given: list[str], role: str | None) -> str:
    """Give the one verb of those given; ``export`` where none is. Raises typer.BadParameter."""
    if len(given) > 1:
        msg = f"--{given[0]} and --{given[1]} can't go together"
        raise typer.BadParameter(msg)
    if role is not None and given and given[0] not in WITH_ROLE:
        msg = f'--{given[0]} takes no ROLE, and "{role}" was given'
        raise typer.BadParameter(msg)
    return given[0] if given else "export"


def check(request: Request) -> None:
    """Raise typer.BadParameter for an option that has no meaning with the verb."""
    if request.role == "":
        msg = "--login: PROFILE is empty" if request.mode == "login" else "ROLE is empty"
        raise typer.BadParameter(msg)
    if request.json and request.mode not in WITH_JSON:
        msg = "--json goes with --whoami, --list, --explain or --purge"
        raise typer.BadParameter(msg)
    if request.service is not None and request.mode != "console":
        msg = "--service goes with --console"
        raise typer.BadParameter(msg)
    if request.no_open and request.mode not in {"console", "login"}:
        msg = "--no-open goes with --console or --login"
        raise typer.BadParameter(msg)
    allowed = _BARE.get(request.mode)
    if allowed is None:
        return
    for name, _ in request.pairs():
        if name not in {"mode", "quiet", "verbose", *allowed}:
            option = name.replace("_", "-").removesuffix("s")
            msg = f"--{option} has no meaning with --{request.mode}"
            raise typer.BadParameter(msg)


def completed(request: Request, command: tuple[str, ...] | None) -> Request:
    """Give the request with what stands behind ``--``, ``None`` for no ``--``. Raises UsageFailure."""
    if command is not None:
        _add(request, command)
    elif request.mode in NEEDS_ROLE and request.role is None:
        raise UsageFailure(
            f"--{request.mode} needs a ROLE", f"run: {PROGRAM} --{request.mode} ROLE"
        )
    elif request.mode == "export" and request.role is None:
        request.mode = "pick"
    elif request.mode == "serve":
        raise UsageFailure(
            "--serve needs a ROLE and a COMMAND", f"run: {PROGRAM} --serve ROLE -- COMMAND"
        )
    return request


def _add(request: Request, command: tuple[str, ...]) -> None:
    if request.mode not in WITH_COMMAND:
        raise UsageFailure(f"--{request.mode} runs no COMMAND", f"see: {PROGRAM} --help")
    start = f"{PROGRAM} --serve" if request.mode == "serve" else PROGRAM
    if not command:
        raise UsageFailure("no COMMAND after --", f"run: {start} ROLE -- COMMAND")
    if request.role is None:
        raise UsageFailure("no ROLE before --", f"run: {start} ROLE -- {spelling.command(command)}")
    if request.format is not None:
        raise UsageFailure(
            f"--format {request.format} has no meaning with a COMMAND", f"see: {PROGRAM} --help"
        )
    if request.mode == "export":
        request.mode = "exec"
    request.command = command
