"""Waits: for a thing and not for a time, with one generous bound for a machine that is busy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Seen = TypeVar("Seen")

BOUND = 240
"""Seconds after which a test gives up. It is never a measure of speed."""


def eventually(look: Callable[[], Seen]) -> Seen:
    """Look again and again until something is seen, and return it; what was last seen after `BOUND` seconds."""
    until = time.monotonic() + BOUND
    while not (seen := look()) and time.monotonic() < until:
        time.sleep(0.05)
    return seen
