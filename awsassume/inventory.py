"""What there is to become: the profiles that name credentials or roles, live sessions, and roles used or looked up before."""

from typing import NamedTuple

from awsassume import chains, recent, sessions, shelf
from awsassume.config import Config, Origin, Profile
from awsassume.errors import Failure
from awsassume.names import FOLDER as NAMES
from awsassume.parameters import ARN
from awsassume.plan import label_of
from awsassume.sessions import Session

_ARN_NAME = "what begins with arn: is a role's ARN, and no profile's name"
PROFILE, ROLE = "profile", "role"


class Entry(NamedTuple):
    """One row. ``words`` are those behind ``awsassume`` that take it; times are epoch seconds, 0 for never.

    ``chain`` are the profiles on the way, from this one's source to the first; ``source`` says where the first credentials
    come from. ``problem`` is why it can't work, if that can be seen in the files.
    """

    name: str
    kind: str
    words: tuple[str, ...]
    account: str = ""
    role_arn: str = ""
    role: str = ""
    source: str = ""
    chain: tuple[str, ...] = ()
    mfa_serial: str = ""
    region: str = ""
    used: float = 0
    issued: int = 0
    expiration: int = 0
    problem: str = ""

    def remaining(self, now: float) -> float:
        """Give the seconds that a live session has left."""
        return max(0.0, self.expiration - now)


def entries(config: Config, cache: str | None, now: float) -> list[Entry]:
    """Give them all, the last used first."""
    live = [session for _, session in sessions.live(cache)] if cache else []
    live = [session for session in live if session.remaining(now) > 0]
    uses = {use.name: use for use in recent.uses(cache)}
    taken: set[int] = set()
    found = []
    by_name: dict[str, list[Session]] = {}
    for session in live:
        by_name.setdefault(session.about.get("role", ""), []).append(session)
    for name in config.names:
        profile = config.section(name)
        if profile is None or not ("role_arn" in profile.values or profile.has_own_credentials):
            continue
        entry = _profile(config, profile)
        own = [
            session
            for session in by_name.get(name, ())
            if session.about.get("role_arn", "") == entry.role_arn
        ]
        taken.update(map(id, own))
        use = uses.pop(name, None)
        found.append(_dated(entry, own, use.time if use else 0))
    for name, use in uses.items():
        # A profile that has gone since is nothing to choose any more.
        if use.is_profile:
            continue
        own = [session for session in by_name.get(name, ()) if id(session) not in taken]
        taken.update(map(id, own))
        found.append(_dated(_role(name, use.words, use.role_arn), own, use.time))
    found += _others([session for session in live if id(session) not in taken])
    known = {entry.role_arn for entry in found}
    found += [
        _role(arn.rpartition("/")[2], (arn,), arn) for arn in sorted(_looked_up(cache) - known)
    ]
    return sorted(found, key=lambda entry: (-entry.used, entry.name.lower()))


def _others(live: list[Session]) -> list[Entry]:
    rows: dict[str, list[Session]] = {}
    for session in live:
        arn = session.about.get("role_arn", "")
        if arn:
            rows.setdefault(arn, []).append(session)
    return [
        _dated(_role(own[0].about.get("role") or label_of(arn), (arn,), arn), own, 0)
        for arn, own in rows.items()
    ]


def _dated(entry: Entry, own: list[Session], used: float) -> Entry:
    last = max(own, key=lambda session: session.credentials.expiration or 0, default=None)
    if last is None:
        return entry._replace(used=used)
    return entry._replace(
        account=entry.account or last.credentials.account_id or "",
        source=entry.source or last.about.get("source", "").removeprefix("profile ").strip('"'),
        region=entry.region or last.about.get("region", ""),
        used=max(used, last.issued),
        issued=last.issued,
        expiration=last.credentials.expiration or 0,
    )


def _role(name: str, words: tuple[str, ...], arn: str) -> Entry:
    match = ARN.fullmatch(arn)
    account, role = (match[2], match[3]) if match else ("", "")
    return Entry(name, ROLE, words, account=account, role_arn=arn, role=role)


def _profile(config: Config, profile: Profile) -> Entry:
    entry = Entry(
        profile.name,
        PROFILE,
        (profile.name,),
        problem=_ARN_NAME if profile.name.startswith("arn:") else "",
        account=profile.get("sso_account_id") or profile.get("aws_account_id") or "",
        role=profile.get("sso_role_name") or "",
        region=profile.get("region") or "",
    )
    if entry.problem:
        return entry
    try:
        config.find(profile.name)
    except Failure as failure:
        return entry._replace(problem=failure.message)
    if not profile.role_arn:
        return entry._replace(source=_kind(profile))
    entry = _role(profile.name, (profile.name,), profile.role_arn)._replace(
        kind=PROFILE, region=entry.region, mfa_serial=profile.get("mfa_serial") or ""
    )
    try:
        chain = chains.follow(config, profile)
    except Failure as failure:
        return entry._replace(problem=failure.message)
    origin = config.find(chain.origin.name) if chain.origin.kind == "profile" else None
    way = [role.name for role in chain.roles[1:]]
    near = [config.find(name) for name in way]
    region = next((found for one in (*near, origin) if one and (found := one.get("region"))), "")
    return entry._replace(
        source=_source(chain.origin),
        chain=(*way, *((chain.origin.name,) if origin else ())),
        region=entry.region or region,
        mfa_serial=entry.mfa_serial
        or (origin.get("mfa_serial") if origin and not way else None)
        or "",
    )


def _source(origin: Origin) -> str:
    return origin.name if origin.kind == "profile" else str(origin).removeprefix("the ")


def _kind(profile: Profile) -> str:
    """Say what kind of credentials a profile has of its own, in the order in which botocore asks for them."""
    if profile.get("web_identity_token_file"):
        return "web identity"
    if profile.get("sso_session") or profile.get("sso_start_url"):
        return "SSO"
    if profile.has_static_keys:
        return "keys"
    if profile.get("login_session"):
        return "login"
    return "awsassume" if profile.calls_us else "process"


def _looked_up(cache: str | None) -> set[str]:
    found = {fields.get("role_arn", "") for _, fields in shelf.records(cache, NAMES)}
    return {arn for arn in found if ARN.fullmatch(arn)}
