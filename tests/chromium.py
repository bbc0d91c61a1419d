"""A real browser without a window, as BROWSER names one: it writes down its command line, and the page that it shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --dump-dom"
    # Whatever it thinks of, it finds nobody but this machine.
    " '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'"
)


class Chromium:
    """What stands for the browser: `environ` makes it the user's."""

    def __init__(self, place: Path) -> None:
        """Make the script."""
        chromium = need("chromium")
        place.mkdir()
        self._words, self._shown = place / "words", place / "shown"
        script = place / "browser"
        script.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{self._words}\n"
            f'{chromium} {_FLAGS} --user-data-dir={place}/data "$@" >{self._shown}.part 2>/dev/null\n'
            f"mv {self._shown}.part {self._shown}\n"
        )
        script.chmod(0o755)
        self.environ = {"BROWSER": str(script)}

    @property
    def words(self) -> str:
        """What stood on the browser's command line."""
        return self._words.read_text()

    @property
    def shown(self) -> str:
        """The page in the end; it outlives awsassume, so that the test waits for it."""
        until = time.monotonic() + BOUND
        while not self._shown.exists() and time.monotonic() < until:
            time.sleep(0.05)
        return self._shown.read_text()
