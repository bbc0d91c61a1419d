"""--purge: forget sessions, and what was remembered of how they were found."""

import os
from collections.abc import Callable

from awsassume import completion, display, environment, private, recall, record, sessions
from awsassume.config import Config
from awsassume.errors import ConfigurationFailure, Failure
from awsassume.names import FOLDER as NAMES
from awsassume.parameters import ARN
from awsassume.program import Program
from awsassume.request import Request
from awsassume.sessions import Session


def run(program: Program, request: Request) -> int:
    """Forget the sessions of ROLE, or all, and say how many. Raises ConfigurationFailure.

    A file is unlinked whole: whoever reads it keeps what was read, and the next asks AWS. Locks stay, since a waiter on a
    lock that was removed and the holder of a new one would both be let in.
    """
    cache = program.cache
    try:
        there = cache is not None and private.trust(cache)
    except private.UntrustedError as error:
        raise ConfigurationFailure(f"nothing was purged: {error}") from None
    count = 0
    if cache is not None and there:
        try:
            count = _all(cache) if request.role is None else _of(cache, program.past, request.role)
        except private.UntrustedError as error:
            raise ConfigurationFailure(f"nothing more was purged: {error}") from None
        except OSError as error:
            raise ConfigurationFailure(
                f"{error.filename or cache} can't be purged: {error.strerror}"
            ) from None
    _tell(program, request, count)
    return 0


def _tell(program: Program, request: Request, count: int) -> None:
    if request.json:
        display.show_json(program, {"Purged": count})
        return
    of = f" of {request.role}" if request.role else ""
    what = "1 session" if count == 1 else f"{count} sessions"
    program.write(1, display.plain(f"forgot {what}{of}") + "\n")
    if environment.is_ours(program.environ):
        program.warn("this shell still holds its role; to give it back: awsassume --clear")


def _all(cache: str) -> int:
    count = sessions.purge(cache, lambda _: True)
    _empty(f"{cache}/{sessions.FOLDER}", lambda name: not name.endswith(sessions.LOCK))
    _empty(f"{cache}/{recall.FOLDER}", lambda name: not name.endswith(".turn"))
    _empty(f"{cache}/{NAMES}", lambda _: True)
    _unlink(f"{cache}/{completion.KEPT}")
    return count


def _of(cache: str, environ: dict[str, str], role: str) -> int:
    arn = _profile_role(environ, role)
    keys = {key for key, session in sessions.live(cache) if _chosen(session, role, arn)}
    count = sessions.purge(cache, lambda session: _chosen(session, role, arn))
    _forget(f"{cache}/{recall.FOLDER}", lambda fields: fields.get("target key") in keys)
    _forget(f"{cache}/{NAMES}", lambda fields: _is(fields.get("role_arn", ""), role, arn))
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
        profile = Config(environ).find(role)
    except Failure:
        # Whatever is wrong with the files is no reason to keep a session.
        return None
    return profile.role_arn if profile else None


def _empty(folder: str, chosen: Callable[[str], bool]) -> None:
    """Remove the files of a folder that a writer is not just about to put in place."""
    if private.trust(folder):
        for name in os.listdir(folder):
            if chosen(name) and not name.startswith("."):
                _unlink(f"{folder}/{name}")


def _forget(folder: str, chosen: Callable[[dict[str, str]], bool]) -> None:
    if not private.trust(folder):
        return
    for name in os.listdir(folder):
        try:
            fields = dict(record.load(private.read(f"{folder}/{name}") or b"") or ())
        except (OSError, private.UntrustedError):
            continue
        if chosen(fields):
            _unlink(f"{folder}/{name}")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
