"""`ROLE -- COMMAND`: the command takes our place, and no process of ours is left behind."""

# The module without an underscore costs a hit more than all that it does.
import _signal  # type: ignore[import-not-found]  # typeshed leaves it out
import os

from awsassume.errors import UsageFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.program import Program


def become(program: "Program", command: tuple[str, ...], environ: dict[str, str]) -> int:
    """Let a command take our place. Raises UsageFailure where it can't be run."""
    if not command[0]:
        raise UsageFailure("COMMAND is empty")
    program.measure({**environ})
    # The code of a device is good once, and for us.
    environ.pop("AWSASSUME_TOKEN_CODE", None)
    # Python ignores these for itself, and what is ignored stays so for the command: `yes | head` would complain.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(_signal, name):
            _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), environ)  # noqa: S606  # no shell is wanted
    except OSError as error:
        raise UsageFailure(f"{command[0]} can't be run: {error.strerror}") from None
    except ValueError:
        raise UsageFailure("COMMAND can't hold a NUL character") from None
