"""Sessions on disk: read, write, purge. A file a session, named by its key."""

import os
import time

from awsassume import private, record
from awsassume.credentials import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awsassume.errors import Failure

FOLDER = "sessions"
FAILED = ".failed"
LOCK = ".lock"
# botocore asks a credential_process again below this; https://github.com/boto/botocore, credentials.py.
REFRESH_SECONDS = 15 * 60
# How far a clock may be set back by its own correction before a session's age is not believed.
CLOCK_SLACK_SECONDS = 5 * 60
# No STS session lasts longer than 36 hours (GetSessionToken); an expiration past that is the clock's fault.
LONGEST_SECONDS = 37 * 3600
# The most that one process waits for what another is doing; what is left of the 20 s is for doing it itself.
WAIT_SECONDS = 15
# The same when a person is typing a code for all of them.
TYPING_SECONDS = 60
# Machines that got their sessions together get the next ones spread over a thirtieth of a session's life, two minutes at most.
SPREAD_SECONDS = 120
SPREAD_PART = 30


class Session:
    """Credentials that end, when they were had (epoch seconds), and what they are, for people and for --purge."""

    __slots__ = ("about", "credentials", "issued")

    def __init__(self, credentials: Credentials, issued: int, about: dict[str, str]) -> None:
        self.credentials = credentials
        self.issued = issued
        self.about = about

    def remaining(self, now: float) -> float:
        """Give the seconds left; what is past, or of another time altogether, has none."""
        until = self.credentials.expiration
        if (
            until is None
            or now < self.issued - CLOCK_SLACK_SECONDS
            or until - now > LONGEST_SECONDS
        ):
            return 0
        return max(0.0, until - now)

    def is_fresh(self, now: float, min_remaining: int | None = None) -> bool:
        """Tell whether enough time is left: more than ``min_remaining`` seconds, or a quarter of its life up to 15 minutes.

        Without ``min_remaining`` up to two minutes come on top, by the session's own key: the same for all who share the
        session, and another on every machine.
        """
        until = self.credentials.expiration
        if until is None:
            return False
        if min_remaining is not None:
            return self.remaining(now) > min_remaining
        life = until - self.issued
        return self.remaining(now) > min(REFRESH_SECONDS, life / 4) + self._share() * min(
            SPREAD_SECONDS, life / SPREAD_PART
        )

    def _share(self) -> float:
        # The last letters of an access key id are as good as random.
        return int.from_bytes(self.credentials.access_key_id.encode(), "big") % 997 / 997


def read(cache: str, key: str, role_arn: str | None = None) -> Session | None:
    """Read a session; ``None`` where there is none that can be read.

    With ``role_arn``, it is one of that role (``""``: of none, but credentials that a profile has of its own).

    Raises private.UntrustedError, and errors.Failure where sessions are sealed and no key can be had.
    """
    if record.seal is not None:
        # Before anything is asked for or called that could not be kept.
        record.seal.ready()
    pairs = record.read(cache, FOLDER, key)
    session = None if pairs is None else _parse(dict(pairs))
    if session and role_arn is not None and session.about.get("role_arn", "") != role_arn:
        return None
    return session


def _uptime() -> str:
    """Name this machine, and say how long it has been up (seconds): a clock that nobody sets."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return ""
    return f"{os.uname().nodename} {time.clock_gettime(time.CLOCK_BOOTTIME):.0f}"


def _is_over(then: str, life: int) -> bool:
    """Tell whether a life (seconds) that began at that ``_uptime`` of this machine is over, whatever the clock says."""
    host, _, began = then.rpartition(" ")
    here, _, now = _uptime().rpartition(" ")
    return host == here and began.isdecimal() and int(now) - int(began) >= life


def _parse(fields: dict[str, str]) -> Session | None:
    try:
        credentials = Credentials(
            fields.pop("access_key_id"),
            fields.pop("secret_access_key"),
            fields.pop("session_token", None),
            int(fields.pop("expiration")),
            fields.pop("account_id", None),
        )
        issued = int(fields.pop("issued"))
        if _is_over(fields.pop("uptime", ""), (credentials.expiration or 0) - issued):
            return None
        return Session(credentials, issued, fields)
    except (KeyError, ValueError):
        return None


def write(cache: str, key: str, session: Session) -> None:
    """Store a session. Raises private.UntrustedError or OSError, errors.Failure where it can't be sealed."""
    credentials = session.credentials
    if credentials.expiration is None:
        return
    pairs = [
        ("access_key_id", credentials.access_key_id),
        ("secret_access_key", credentials.secret_access_key),
        ("expiration", str(credentials.expiration)),
        ("issued", str(session.issued)),
        ("uptime", _uptime()),
        *session.about.items(),
    ]
    if credentials.session_token is not None:
        pairs.append(("session_token", credentials.session_token))
    if credentials.account_id is not None:
        pairs.append(("account_id", credentials.account_id))
    record.write(cache, FOLDER, key, pairs)
    from awsassume import removal

    removal.tidy(cache, time.time())


def fail(cache: str, key: str, failure: "Failure", now: float) -> None:
    """Leave word of a failure for those who wait for the same session. Raises private.UntrustedError or OSError."""
    if failure.met is None:
        failure.met = now
    message, hint = failure.without_quotes()
    from awsassume import folders

    pairs = [
        ("exit_code", str(failure.exit_code)),
        ("message", message.replace("\0", "")),
        ("hint", hint.replace("\0", "")),
        ("code", getattr(failure, "code", "")),
        # Those who pass on what another met must not make it new.
        ("time", str(failure.met)),
    ]
    folders.write(cache, FOLDER, f"{key}{FAILED}", record.dump(pairs))


def failure_since(cache: str, key: str, since: float, now: float) -> "Failure | None":
    """Give the failure that another process met between these two instants (epoch seconds), if one did."""
    from awsassume import errors

    try:
        data = private.read(cache, FOLDER, f"{key}{FAILED}")
        fields = dict(record.load(data or b"") or ())
        # One from the future was left before the clock was set back.
        if not since <= float(fields["time"]) <= now:
            return None
        failure = errors.BY_EXIT_CODE[int(fields["exit_code"])](
            fields["message"], fields["hint"] or None
        )
        failure.met = float(fields["time"])
    except (OSError, private.UntrustedError, KeyError, ValueError):
        return None
    if isinstance(failure, errors.RefusedFailure):
        failure.code = fields.get("code", "")
    return failure


def live(cache: str) -> "Iterator[tuple[str, Session]]":
    """Give every session that can be read, with its key."""
    from awsassume import folders

    try:
        folder = folders.opened(cache, FOLDER)
        if folder is None:
            return
        with folder:
            names = sorted(folder.names())
    except (OSError, private.UntrustedError):
        return
    for name in names:
        if "." in name:
            continue
        try:
            session = read(cache, name)
        except private.UntrustedError:
            continue
        if session is not None:
            yield name, session


def purge(cache: str, chosen: "Callable[[Session], bool]") -> int:
    """Forget the sessions that ``chosen`` picks; give how many. Those who are reading one keep what they read."""
    from awsassume import removal

    keys = [key for key, session in live(cache) if chosen(session)]
    return removal.some(cache, FOLDER, keys)
