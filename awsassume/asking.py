"""Asks a process, a container or an instance who it is now, since nothing else tells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from awsassume import identity, recall

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsassume.cache import Cache
    from awsassume.config import Config, Origin
    from awsassume.credentials import Credentials


class Asking:
    """The answers of one run: an origin is asked once, and not at all where another process just was, in our stead.

    Credentials without an end are nobody's to keep, so it is only who they are that others are told.
    """

    def __init__(self, config: Config, cache: Cache, load: Callable[[Origin], Credentials]) -> None:
        self.credentials: dict[Origin, Credentials] = {}
        self._config = config
        self._cache = cache
        self._load = load
        self._who: dict[Origin, str] = {}
        self._times: dict[Origin, float] = {}

    def who(self, origin: Origin) -> str:
        """Say who is behind an origin. Raises Failure."""
        if origin not in self._who:
            key = identity.digest("asked", identity.named(self._config, origin))
            # Its answer may hang on a variable that only it knows, or on where it stands.
            where = recall.surroundings(self._config.environ)
            profile = self._config.find(origin.name) if origin.kind == "profile" else None
            self._who[origin], self._times[origin] = self._cache.answer(
                key,
                str(origin),
                lambda: identity.answered(self.ask(origin)),
                where=where,
                by_person=profile is not None,
            )
        return self._who[origin]

    def ask(self, origin: Origin) -> Credentials:
        """Ask now, unless we did; give the credentials. Raises Failure."""
        if origin not in self.credentials:
            began = time.time()
            self.credentials[origin] = self._load(origin)
            self._who[origin] = identity.answered(self.credentials[origin])
            self._times[origin] = began
        return self.credentials[origin]

    def stamp(self, origin: Origin) -> str:
        """Say when the origin was asked, and in what surroundings; ``""`` where it was not."""
        if origin not in self._times:
            return ""
        return f"{self._times[origin]} {recall.surroundings(self._config.environ)}"
