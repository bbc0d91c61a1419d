"""`--renew`: the words by which this shell came to what it holds, to be said again."""

from awsassume import environment
from awsassume.errors import UsageFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.program import Program
    from awsassume.request import Request


def words(program: "Program", request: "Request") -> list[str]:
    """Give the command line that takes again what this shell holds. Raises UsageFailure where there is none."""
    kept = program.environ.get(environment.RENEW)
    if not kept or not environment.is_ours(program.environ):
        raise UsageFailure("this shell holds no role of awsassume's", "run: awsassume ROLE")
    program.guard(request)
    try:
        argv = [environment.decode(word) for word in kept.split(" ")]
    except ValueError:
        raise UsageFailure(
            f"{environment.RENEW} is not what awsassume wrote", "run: awsassume ROLE"
        ) from None
    if "--chain" in argv:
        raise UsageFailure(
            "a role that was taken with --chain can't be renewed: what it was taken with is gone",
            "run: awsassume --clear, then take both again",
        )
    if request.format:
        argv[:0] = ["--format", request.format]
    for name in ("show", "refresh", "quiet", "verbose"):
        if getattr(request, name):
            argv[:0] = [f"--{name}"]
    return argv
