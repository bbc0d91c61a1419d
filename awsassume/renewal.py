"""A session that is kept fresh: when to renew it, what to do where that fails, and how others wait for it."""

import os
import threading
import time
from collections.abc import Callable
from copy import copy

from awsassume import identity, slow
from awsassume.credentials import Credentials
from awsassume.errors import ConfigurationFailure, Failure, RefusedFailure
from awsassume.sessions import REFRESH_SECONDS, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.assume import Assumer
    from awsassume.plan import Plan
    from awsassume.program import Program
    from awsassume.request import Request

WAIT_SECONDS = 25.0
_LEAST_SECONDS = 5.0
_SHORTEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 2.0, 60.0


class Renewer:
    """Gets a role's session again, by itself: it never asks a person, and takes no other role than the first time.

    The config files are read anew, so that source keys that were changed meanwhile are found. Raises Failure.
    """

    def __init__(self, program: "Program", request: "Request", plan: "Plan") -> None:
        self._program = program
        self._request = copy(request)
        # What was good once.
        self._request.refresh = False
        self._request.token_code = None
        self._who = plan.hops[0].step.role_arn if plan.hops else ""
        self._origin = plan.origin

    def __call__(self) -> Session:
        """Get it."""
        program = self._program
        program.may_ask = False
        program.started = time.time()
        program.past.pop("AWSASSUME_TOKEN_CODE", None)
        assumer = slow.assumer_for(program, self._request)
        plan = assumer.plan()
        if not self._is_same(assumer, plan):
            raise ConfigurationFailure(
                f'"{self._request.role}" now means another role than when this began',
                "start it again",
            )
        return assumer.obtain(plan)

    def _is_same(self, assumer: "Assumer", plan: "Plan") -> bool:
        if self._who or plan.hops:
            return bool(plan.hops) and plan.hops[0].step.role_arn == self._who
        now = identity.named(assumer.config, plan.origin)
        if not hasattr(self, "_identity"):
            self._identity = now
        return (plan.origin, now) == (self._origin, self._identity)


class Keeper:
    """Holds the session of the moment. One thread renews it (``due``, ``attempt``), the others ask for it (``current``).

    ``wakes`` is a descriptor that can be read when somebody is in need of a new session.
    """

    def __init__(
        self, session: Session, renew: Callable[[], Session], min_remaining: int | None = None
    ) -> None:
        self._session = session
        self._renew = renew
        self._min_remaining = min_remaining
        self._failure: Failure | None = None
        self._attempts = 0
        self._attempted = 0.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._next = self._when(session)
        self._changed = threading.Condition()
        self.wakes, self._wake = os.pipe()
        self.descriptors = (self.wakes, self._wake)

    def _when(self, session: Session) -> float:
        """Give the instant at which a session stops being fresh; see ``Session.is_fresh``."""
        until = float(session.credentials.expiration or 0)
        wanted = self._min_remaining
        if wanted is None:
            wanted = min(REFRESH_SECONDS, int(until - session.issued) // 4)
        # More than a session ever has would be asked for without end.
        now = time.time()
        return max(until - wanted, now + min(60.0, max(0.1, (until - now) / 4)))

    def due(self) -> float:
        """Give the instant of the next renewal, in epoch seconds."""
        return self._next

    def woken(self) -> bool:
        """Take what ``current`` woke us with, and tell whether it is still in need: others have asked meanwhile."""
        os.read(self.wakes, 4096)
        now = time.time()
        return self._next <= now or self._session.remaining(now) <= self._least()

    def attempt(self) -> None:
        """Renew. What goes wrong is kept for those who ask, and tried again after a while."""
        failure: Failure | None = None
        session = None
        if self._failure and time.monotonic() - self._attempted < _SHORTEST_PAUSE_SECONDS:
            # A crowd that is in need must not become a crowd at STS.
            with self._changed:
                self._attempts += 1
                self._changed.notify_all()
            return
        self._attempted = time.monotonic()
        try:
            session = self._renew()
        except Failure as found:
            failure = found
        except Exception as error:  # noqa: BLE001  # a day-long job must not end for one bad answer
            failure = RefusedFailure(f"renewing failed: {type(error).__name__}")
        with self._changed:
            self._attempts += 1
            self._failure = failure
            if session is not None:
                self._session = session
                self._pause = _FIRST_PAUSE_SECONDS
                self._next = self._when(session)
            else:
                self._next = time.time() + self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
            self._changed.notify_all()

    def _least(self) -> float:
        # What ends on its way would be an error there.
        session = self._session
        return min(_LEAST_SECONDS, ((session.credentials.expiration or 0) - session.issued) / 4)

    def current(self) -> Credentials:
        """Give credentials that are live, waiting for a renewal where these have ended. Raises Failure."""
        with self._changed:
            now = time.time()
            if self._session.remaining(now) > self._least():
                if self._next <= now:
                    # Nobody looks at the clock any more: it is renewed for the next one who asks.
                    os.write(self._wake, b".")
                return self._session.credentials
            before = self._attempts
            os.write(self._wake, b".")
            self._changed.wait_for(lambda: self._attempts > before, WAIT_SECONDS)
            if self._session.remaining(time.time()) > 0:
                return self._session.credentials
            raise self._failure or RefusedFailure("the session has ended, and no new one came yet")
