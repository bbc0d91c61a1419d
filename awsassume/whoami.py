"""--whoami: who AWS says this environment is, or would be as ROLE, and where that comes from."""

import re
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from awsassume import display, environment, listing, slow, source, spelling, sts
from awsassume.assume import Assumer
from awsassume.clock import Clock
from awsassume.config import Origin, Profile
from awsassume.credentials import Credentials, timestamp
from awsassume.display import Text
from awsassume.errors import Failure, SourceFailure
from awsassume.plan import Plan
from awsassume.program import Program
from awsassume.request import Request

# Some networks let STS be reached and IAM not.
_ALIAS_SECONDS = 3
_ASSUMED = re.compile(r"arn:[\w-]+:sts::\d+:assumed-role/(.+)/[^/]+")


class Holder(NamedTuple):
    """Credentials, where they come from in the user's words, the profile that they are called by, and the region.

    ``plan`` is how they were had, if by us.
    """

    credentials: Credentials
    source: str
    profile: Profile | None
    region: str | None
    plan: Plan | None = None


def run(program: Program, request: Request) -> int:
    """Ask AWS who it is, and show it. Raises Failure."""
    if request.role is None:
        # What an SDK in this shell would see, and not what there was before awsassume changed it.
        seen = {
            name: value for name, value in program.environ.items() if name not in environment.OURS
        }
        slow.take_environment(seen)
        program.past = seen
    assumer = slow.assumer_for(program, request)
    holder = _as_role(assumer) if request.role is not None else _now(program, assumer)
    region = holder.region or "us-east-1"

    def aws(clock: Clock) -> sts.Aws:
        made = sts.Aws(
            assumer.config, holder.profile, region, holder.credentials, clock, assumer.tell
        )
        if holder.plan and holder.plan.hops:
            made.whose = f"the session of {holder.plan.target.role}"
            made.renewal = "get a new one: --refresh"
        elif holder.plan:
            assumer.name_signer(made, holder.plan.origin)
        return made

    try:
        try:
            identity = sts.caller_identity(aws(assumer.clock))
        except SourceFailure as failure:
            if holder.plan is None:
                raise
            session = assumer.obtain_anew(holder.plan, failure)
            holder = holder._replace(credentials=session.credentials)
            identity = sts.caller_identity(aws(assumer.clock))
    except SourceFailure as failure:
        if request.role is None and environment.is_ours(program.environ):
            role = program.environ.get(environment.ROLE) or "ROLE"
            failure.hint = f"run: {spelling.command(['awsassume', role])}, or to be yourself again: awsassume --clear"
        raise
    fields = _fields(identity, _alias(aws(Clock(_ALIAS_SECONDS))), holder)
    if request.json:
        display.show_json(program, fields)
    else:
        _show(program, fields)
        if request.role is None:
            _rivals(program)
    return 0


def _as_role(assumer: Assumer) -> Holder:
    plan = assumer.plan()
    credentials = assumer.obtain(plan).credentials
    profile = plan.hops[0].step.profile if plan.hops else assumer.config.find(plan.origin.name)
    region = plan.target.region or (plan.hops[0].region if plan.hops else "")
    return Holder(credentials, f"{plan.target.role} from {_way(plan)}", profile, region, plan)


def _way(plan: Plan) -> str:
    names = [hop.step.profile.name if hop.step.profile else "" for hop in plan.hops[1:]]
    return " ← ".join([*(name for name in names if name), str(plan.origin)])


def _now(program: Program, assumer: Assumer) -> Holder:
    """Find what an SDK would use, without a word of where."""
    environ, config, request = program.past, assumer.config, assumer.request
    named = request.profile or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
    region = request.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if environ.get(environment.KEY) and request.profile is None:
        profile = config.section(named or "default")
        region = region or (profile.get("region") if profile else None)
        return Holder(_held(environ), _origin(program), profile, region)
    profile = config.find(named or "default")
    if named and profile is None:
        config.profile(named, "--profile" if request.profile else "AWS_PROFILE")
    if profile and profile.calls_us and not (profile.role_arn or profile.has_static_keys):
        credentials = source.load(config, Origin("profile", profile.name))
        where = f'profile "{profile.name}", which asks awsassume'
        return Holder(credentials, where, profile, region or profile.get("region"))
    chain = assumer.planner.source_chain()
    label = named or "default"
    plan = assumer.planner.finished(assumer.planner.source_steps(chain.roles), chain, label)
    credentials = assumer.obtain(plan).credentials
    where = str(plan.origin)
    if plan.origin.kind == "EcsContainer" and _is_served(environ):
        where = "awsassume --serve"
    elif plan.hops:
        where = f'profile "{label}" from {_way(plan)}'
    return Holder(credentials, where, profile, region or plan.target.region or None, plan)


def _is_served(environ: dict[str, str]) -> bool:
    url = environ.get(environment.SERVED, "").partition("&")[0]
    return bool(url) and environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") == url


def _held(environ: dict[str, str]) -> Credentials:
    token = environ.get(environment.TOKEN) or environ.get("AWS_SECURITY_TOKEN")
    try:
        return Credentials(
            environ[environment.KEY],
            environ.get("AWS_SECRET_ACCESS_KEY", ""),
            token or None,
            _instant(environ.get(environment.EXPIRATION, "")),
        )
    except ValueError as error:
        raise SourceFailure(
            f"the environment's credentials can't be used: {error}",
            "run: awsassume --clear, or export them again",
        ) from None


def _instant(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _origin(program: Program) -> str:
    if environment.is_ours(program.environ):
        return f"awsassume {program.environ.get(environment.ROLE, '')}".rstrip()
    return "the environment"


def _alias(aws: sts.Aws) -> str | None:
    try:
        found = aws.call("iam", "list_account_aliases").get("AccountAliases") or [None]
    except Failure:
        # Most may not read it, and it is no more than a name.
        return None
    return str(found[0]) if found[0] else None


def _fields(identity: dict[str, str], alias: str | None, holder: Holder) -> dict[str, Any]:
    until = holder.credentials.expiration
    role = _ASSUMED.fullmatch(identity["Arn"])
    return {
        **identity,
        "AccountAlias": alias,
        "Source": holder.source,
        "Role": role[1] if role else None,
        "Region": holder.region,
        "Expiration": None if until is None else timestamp(until),
        "SecondsLeft": None if until is None else max(0, int(until - time.time())),
    }


def _show(program: Program, fields: dict[str, Any]) -> None:
    alias, left = fields["AccountAlias"], fields["SecondsLeft"]
    account = f"{fields['Account']} ({alias})" if alias else fields["Account"]
    lines: list[tuple[str, Text]] = [
        ("account", Text(account, "bold")),
        ("arn", Text(fields["Arn"], "bold")),
        ("user id", Text(fields["UserId"])),
        ("from", Text(fields["Source"])),
        ("role", Text(fields["Role"] or "none")),
        ("region", Text(fields["Region"] or "none")),
    ]
    if left is not None:
        style = "red" if left < 300 else "green"  # noqa: PLR2004  # five minutes
        lines.append(
            ("left", Text(f"{listing.minutes(left)}, until {fields['Expiration']}", style))
        )
    display.show_fields(program, lines)


def _rivals(program: Program) -> None:
    environ = program.environ
    named = environ.get("AWS_PROFILE")
    if environ.get(environment.KEY) and named and program.request and not program.request.profile:
        program.warn(
            f"AWS_PROFILE={named} is set beside the keys: SDKs disagree which counts (JavaScript takes the profile)\n"
            "run: unset AWS_PROFILE"
        )
