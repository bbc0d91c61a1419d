"""Who is behind an origin in this run: read where that is written down, asked for where it is not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from awsassume import asking, identity, memory, process, sessions, source
from awsassume.errors import Failure, LoginFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsassume.cache import Cache
    from awsassume.clock import Clock
    from awsassume.config import Config, Origin
    from awsassume.credentials import Credentials
    from awsassume.recall import Target


# How often a source whose login changes while it is read is read again.
_TRIES = 3


class Sources:
    """The origins of one run. One that must be asked is asked once, and not at all where another process just was.

    Credentials without an end are nobody's to keep, so it is only whose they are that others are told.
    """

    def __init__(self, config: Config, cache: Cache, clock: Clock) -> None:
        self._config = config
        self._cache = cache
        self._clock = clock
        self._answered: dict[Origin, Credentials] = {}
        self._principals: dict[Origin, str] = {}

    def who(self, origin: Origin) -> str:
        """Say who is behind an origin. Raises Failure."""
        if identity.is_told(self._config, origin):
            return identity.told(self._config, origin)
        if origin not in self._principals:
            self._principals[origin] = self._answer(origin)
        return identity.of_principal(self._principals[origin])

    def _answer(self, origin: Origin) -> str:
        question, cache = self._question(origin), self._cache
        where = asking.surroundings(self._config.environ)
        # What went wrong may hang on the same as the answer.
        word = identity.digest(question, where)
        began = time.monotonic()
        is_process = origin.kind == "profile"

        def ask() -> str:
            if not is_process:
                self._clock.spend(time.monotonic() - began)
            cache.heed(word, str(origin))
            try:
                return self.ask(origin).principal
            except Failure as failure:
                cache.leave_word(word, failure)
                raise

        seconds = sessions.TYPING_SECONDS if is_process else sessions.WAIT_SECONDS
        return asking.answer(cache.directory, question, where, cache.started, ask, seconds)

    def ask(self, origin: Origin) -> Credentials:
        """Ask now, unless we did; give the credentials. Raises Failure."""
        if origin not in self._answered:
            self._answered[origin] = self.load(origin)
            self._principals[origin] = self._answered[origin].principal
        return self._answered[origin]

    def credentials(self, origin: Origin, log_in: Callable[[], bool]) -> tuple[Credentials, str]:
        """Get an origin's credentials, and say whose they are; ``""`` where others keep logging in meanwhile. Raises Failure.

        ``log_in`` is called, once, where nobody has logged in; it tells whether somebody did then.
        """
        if not identity.is_told(self._config, origin):
            credentials = self.ask(origin)
            return credentials, identity.of_principal(credentials.principal)
        may_log_in = True
        for _ in range(_TRIES):
            before = self.who(origin)
            try:
                credentials = self.load(origin)
            except LoginFailure:
                if not may_log_in or not log_in():
                    raise
                may_log_in = False
                continue
            if self.who(origin) == before:
                return credentials, before
            # botocore renewed the token, or somebody logged in: whose these are, nobody can tell. What is read next shall
            # be remembered, so its file must have settled.
            time.sleep(memory.SETTLING_SECONDS)
        return credentials, ""

    def was_asked(self, origin: Origin) -> bool:
        """Tell whether the origin's credentials were had in this run, by asking."""
        return origin in self._answered

    def load(self, origin: Origin) -> Credentials:
        """Get an origin's credentials from botocore. Raises Failure."""
        return source.load(self._config, origin, self._clock)

    def describe(self, origin: Origin, target: Target) -> None:
        """Note in a target how to ask the origin again, and whom its key is for."""
        if origin not in self._principals:
            return
        target.principal, target.question = self._principals[origin], self._question(origin)
        profile = self._config.find(origin.name) if origin.kind == "profile" else None
        line = profile.get("credential_process") if profile else None
        if profile and line:
            files = (self._config.config_file, self._config.credentials_file)
            target.process = process.located(profile.name, line, files)

    def _question(self, origin: Origin) -> str:
        return identity.digest("asked", identity.named(self._config, origin))
