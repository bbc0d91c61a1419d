"""Another user of this machine, whom only root can be."""

from __future__ import annotations

import contextlib

# Whoever looks up a name needs it, and another user may not read this Python's files.
import encodings.idna  # noqa: F401
import json
import os
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = TypeVar("Answer")

NOBODY, STRANGER = 65534, 65533

only_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
)


def ask_as(user: int, question: Callable[[], Answer]) -> Answer | str:
    """Return what a function returns in a process of this user; what is raised there is its name."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        answer: object = None
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            answer = question()
        except BaseException as error:  # noqa: BLE001  # nothing of the test may run twice
            answer = type(error).__name__
        try:
            os.write(writing, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as end:
        said = end.read()
    os.waitpid(process, 0)
    found: Answer | str = json.loads(said)
    return found


@contextlib.contextmanager
def acting_as(user: int) -> Iterator[None]:
    """Let this process be another user for a while: what it opens meanwhile is that user's."""
    before = os.geteuid()
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(before)
