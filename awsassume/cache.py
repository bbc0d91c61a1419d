"""A session from the cache, or got once and kept: look, lock, look again, call, store."""

import time
from collections.abc import Callable

from awsassume import private, sessions
from awsassume.clock import Clock
from awsassume.errors import Failure, RefusedFailure, SourceFailure, Unasked
from awsassume.lock import Lock
from awsassume.sessions import Session

# A holder that only calls AWS has mostly gone by then, and nothing needs to be said of it.
_SILENT_SECONDS = 1.0


class Cache:
    """The cache as one run uses it.

    ``directory`` is ``None`` where sessions are neither read nor written, ``started`` is when this process began to wait, in
    epoch seconds; ``clock`` is what AWS has left of that. ``is_crowded`` turns true when another process kept a lock for as
    long as we could wait.
    """

    def __init__(
        self,
        directory: str | None,
        started: float,
        clock: Clock,
        *,
        tell: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self.directory = directory
        self.started = started
        self.is_crowded = False
        # False where a process waits for us that may hold the locks.
        self.waits = True
        self._made: set[str] = set()
        self._clock = clock
        self._tell = tell
        self._warn = warn

    def session(
        self,
        key: str,
        what: str,
        call: Callable[[], Session],
        *,
        role_arn: str,
        again: bool,
        minimum: int | None,
        by_code: bool,
        asks: bool,
        alone: bool,
        may_keep: Callable[[], bool] = lambda: True,
        refuse: Callable[[], None] = lambda: None,
    ) -> Session:
        """Give the session of a key. Raises what ``call`` raises.

        ``role_arn`` is the role that it must be of, ``""`` for none.
        ``again`` passes over a session from before this run, ``minimum`` is how many seconds it must have left.
        ``by_code`` says that there is an MFA code on the way, so that others may take as long as a person does, and
        ``asks`` that it is we who would ask for it. ``alone`` takes no notice of how others fared: our own code may be
        right where theirs was wrong. ``may_keep`` is asked afterwards: what came may be another's than the key says.
        ``refuse`` raises what must be said before others are waited for.
        """
        if not key or self.directory is None:
            return call()
        if not again:
            found = self._look(key, what, role_arn, minimum)
            if found:
                return found
        # Those who started us may hold the lock, and wait for us.
        refuse()
        began = time.monotonic()
        with self._lock(key, by_code=by_code, asks=asks) as lock:
            if not by_code:
                self._clock.spend(time.monotonic() - began)
            if not lock.held:
                self._tell(f"{what}: {lock.reason}; going on without")
            found = self._look(key, what, role_arn, minimum)
            if found and (not again or found.issued >= self.started):
                return found
            if not alone:
                self.heed(key, what)
            self.is_crowded |= lock.is_busy
            if lock.is_busy and asks:
                # Two questions on one terminal get no answer.
                raise Unasked(
                    "another awsassume has been asking for the MFA code",
                    "answer it, then try again",
                )
            try:
                session = call()
            except Failure as failure:
                self.leave_word(key, failure)
                raise
            except KeyboardInterrupt:
                if asks:
                    # Else everybody who waits would ask in turn.
                    self.leave_word(key, SourceFailure("the MFA code was not given"))
                raise
            self._made.add(key)
            if may_keep():
                self.keep(key, session)
            return session

    def was_kept(self, key: str) -> bool:
        """Tell whether the session of a key was there before, so that AWS may have ended it since."""
        return bool(key) and self.directory is not None and key not in self._made

    def heed(self, key: str, what: str) -> None:
        """Raise the failure that another process met since we began."""
        if self.directory is None:
            return
        failure = sessions.failure_since(self.directory, key, self.started, time.time())
        if failure:
            self._tell(f"{what}: another awsassume met this while we waited")
            raise failure

    def _lock(self, key: str, *, by_code: bool, asks: bool) -> Lock:
        directory = self.directory or ""
        most = sessions.TYPING_SECONDS if by_code else sessions.WAIT_SECONDS
        most = most if self.waits else 0
        # A clock that jumps meanwhile must not make it more.
        seconds = min(most, max(0.0, self.started + most - time.time()))
        if asks and seconds > _SILENT_SECONDS:
            with Lock(directory, key, _SILENT_SECONDS) as lock:
                busy = lock.is_busy
            if busy:
                self._warn(
                    "another awsassume is at it, and may be asking for the MFA code; waiting"
                )
                seconds -= _SILENT_SECONDS
        return Lock(directory, key, seconds)

    def _look(self, key: str, what: str, role_arn: str, minimum: int | None) -> Session | None:
        try:
            found = sessions.read(self.directory or "", key, role_arn)
        except private.UntrustedError as error:
            self._warn(f"not used: {error}")
            return None
        now = time.time()
        if found is None:
            self._tell(f"{what}: no session yet")
            return None
        if not found.is_fresh(now, minimum):
            self._tell(f"{what}: the session has {found.remaining(now):.0f} s left, too few")
            return None
        self._tell(f"{what}: a session with {found.remaining(now):.0f} s left")
        return found

    def keep(self, key: str, session: Session) -> None:
        """Write a session; where that can't be done, say so."""
        if not key or self.directory is None:
            return
        try:
            sessions.write(self.directory, key, session)
        except private.UntrustedError as error:
            self._warn(f"not used: {error}")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self._warn(f"the session can't be kept in {self.directory}: {reason}")

    def leave_word(self, key: str, failure: Failure) -> None:
        """Let those who wait for the same session know what came of it."""
        if self.directory is None or isinstance(failure, Unasked):
            return
        if isinstance(failure, SourceFailure | RefusedFailure):
            try:
                sessions.fail(self.directory, key, failure, time.time())
            except (OSError, ValueError, private.UntrustedError):
                return
