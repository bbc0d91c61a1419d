"""--purge: forget sessions, and what was remembered of how they were found."""

from awsassume import display, environment, paths, private, recall, removal, sessions, shelf
from awsassume.config import Config
from awsassume.errors import ConfigurationFailure, Failure
from awsassume.names import FOLDER as NAMES
from awsassume.parameters import ARN
from awsassume.program import Program
from awsassume.request import Request
from awsassume.sessions import Session


def run(program: Program, request: Request) -> int:
    """Forget the sessions of ROLE, or all that is kept, and say how many. Raises ConfigurationFailure.

    A file is unlinked whole: whoever reads it keeps what was read, and the next asks AWS.
    """
    cache = program.cache
    count = others = 0
    if cache is None:
        strange = paths.strange_home(program.past)
        if strange:
            program.warn(f"{strange} is another user's, and nothing is kept or purged there")
    else:
        try:
            if request.role is None:
                count, others = removal.everything(cache)
            else:
                count = _of(cache, program.past, request.role)
        except private.UntrustedError as error:
            raise ConfigurationFailure(f"nothing was purged: {error}") from None
        except OSError as error:
            raise ConfigurationFailure(
                f"{error.filename or cache} can't be purged: {error.strerror}"
            ) from None
    _tell(program, request, count, others)
    return 0


def _tell(program: Program, request: Request, count: int, others: int) -> None:
    if request.json:
        said = {"Purged": count}
        display.show_json(program, said if request.role else {**said, "OtherFiles": others})
        return
    of = f" of {request.role}" if request.role else ""
    what = "1 session" if count == 1 else f"{count} sessions"
    if others:
        of = " and 1 other file" if others == 1 else f" and {others} other files"
    display.show_lines(program, [[f"forgot {what}{of}"]])
    if environment.is_ours(program.environ):
        program.warn("this shell still holds its role; to give it back: awsassume --clear")


def _of(cache: str, environ: dict[str, str], role: str) -> int:
    arn = _profile_role(environ, role)
    keys = {key for key, session in sessions.live(cache) if _chosen(session, role, arn)}
    count = sessions.purge(cache, lambda session: _chosen(session, role, arn))
    remembered = [
        name
        for name, fields in shelf.records(cache, recall.FOLDER)
        if fields.get("target key") in keys
    ]
    removal.some(cache, recall.FOLDER, remembered)
    looked_up = [
        name
        for name, fields in shelf.records(cache, NAMES)
        if _is(fields.get("role_arn", ""), role, arn)
    ]
    removal.some(cache, NAMES, looked_up)
    return count


def _chosen(session: Session, role: str, arn: str | None) -> bool:
    about = session.about
    return about.get("role") == role or _is(about.get("role_arn", ""), role, arn)


def _is(role_arn: str, role: str, arn: str | None) -> bool:
    """Tell whether an ARN is what ROLE names: that ARN, a profile's role, ACCOUNT:NAME, or a name with or without path."""
    match = ARN.fullmatch(role_arn)
    if match is None:
        return False
    if arn is not None:
        return role_arn == arn
    _, account, path, name = match.groups()
    return role in {role_arn, path, name, f"{account}:{path}", f"{account}:{name}"}


def _profile_role(environ: dict[str, str], role: str) -> str | None:
    try:
        profile = None if role.startswith("arn:") else Config(environ).find(role)
    except Failure:
        # Whatever is wrong with the files is no reason to keep a session.
        return None
    return profile.role_arn if profile else None
