"""`--renew`: the words by which this shell came to what it holds, to be said again, and what they must mean again."""

from awsassume import environment, spelling
from awsassume.errors import ConfigurationFailure, Failure, UsageFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.assume import Assumer
    from awsassume.credentials import Credentials
    from awsassume.plan import Plan
    from awsassume.program import Program
    from awsassume.recall import Target
    from awsassume.request import Request

_OWNER_SECONDS = 3.0


def said(program: "Program", request: "Request") -> tuple[str, list[str]]:
    """Give what this shell holds (``Target.means``), and the command line that takes it again.

    Raises UsageFailure where there is none.
    """
    kept = program.shell.get(environment.RENEW)
    if kept is None or not environment.is_ours(program.shell):
        raise UsageFailure("this shell holds no role of awsassume's", "run: awsassume ROLE")
    program.guard(request)
    means, _, words = kept.partition("&")
    try:
        argv = [environment.decode(word) for word in words.split(" ")]
    except ValueError:
        argv = []
    if not means or not any(argv):
        raise UsageFailure(
            f"{environment.RENEW} is not what awsassume wrote", "run: awsassume ROLE"
        )
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
    return means, argv


def refusal(held: str, target: "Target") -> Failure:
    """Make the failure that says what the same words mean now, and what the shell goes on holding."""
    if "arn:" in (held[:4], target.means[:4]):
        now, then = (
            means if means.startswith("arn:") else "credentials of a profile's own"
            for means in (target.means, held)
        )
        text = f'"{target.role}" now means {now}, and this shell holds {then}'
    else:
        text = f'"{target.role}" now has the credentials of another than this shell holds'
    again = [environment.decode(word) for word in target.renew.split(" ")]
    return ConfigurationFailure(
        f"{text}: not renewed", f"run: {spelling.command(['awsassume', *again])}"
    )


def name_owner(assumer: "Assumer", plan: "Plan", credentials: "Credentials") -> None:
    """Have a target mean the user or role that AWS says temporary credentials are of, where the config does not tell it.

    A process, a container and an instance may answer with another's the next time.
    """
    from awsassume import identity, sts
    from awsassume.clock import Clock

    if plan.hops or identity.is_told(assumer.config, plan.origin):
        return
    owner = credentials.principal
    if credentials.session_token is not None:
        holder = assumer.config.settings(plan.origin)
        region = plan.target.region or "us-east-1"
        aws = sts.Aws(
            assumer.config, holder, region, credentials, Clock(_OWNER_SECONDS), assumer.tell
        )
        try:
            arn = sts.caller_identity(aws)["Arn"]
        except Failure as failure:
            # They are taken all the same; a renewal that can't be compared is none.
            assumer.tell(f"whose credentials these are can't be told: {failure.message}")
            arn = credentials.principal
        # A role's session has another name each time.
        owner = arn.rpartition("/")[0] if ":assumed-role/" in arn else arn
    plan.target.means = identity.digest(plan.target.means, owner)
