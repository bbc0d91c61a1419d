"""Asks a process, a container or an instance who it is now, where nothing else tells."""

import hashlib
import os
import time

from awsassume import recall, sessions
from awsassume.turn import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsassume.recall import Target


def surroundings(environ: "Mapping[str, str]") -> str:
    """Give a digest of all that a process of ours is started in: its answer may hang on any variable and the directory."""
    said = repr((sorted(environ.items()), recall.current_directory()))
    return hashlib.sha256(os.fsencode(said)).hexdigest()


def answer(
    cache: str | None,
    question: str,
    where: str,
    started: float,
    ask: "Callable[[], str]",
    seconds: float = sessions.TYPING_SECONDS,
) -> str:
    """Give what ``ask`` answers, or answered another process that asked the same since we ``started`` (epoch seconds).

    One process at a time asks a question, for as long as a person may take to touch a device (``seconds``). ``where`` is
    the ``surroundings``: an answer given in others is none to us.
    """
    turn = None if cache is None else Turn(cache, question)
    try:
        if turn:
            turn.wait(seconds)
            moment, _, said = turn.said().partition(" ")
            there, _, principal = said.partition(" ")
            if there == where and principal and _is_between(started, moment, time.time()):
                return principal
        began = time.time()
        principal = ask()
        if turn:
            turn.say(f"{began} {where} {principal}")
        return principal
    finally:
        if turn:
            turn.end()


def _is_between(started: float, moment: str, now: float) -> bool:
    try:
        return started <= float(moment) <= now
    except ValueError:
        return False


def is_same(
    target: "Target", cache: str | None, environ: "Mapping[str, str]", started: float
) -> bool:
    """Tell whether the source of a target still is who it was. Where that takes botocore, the answer is no."""

    def ask() -> str:
        from awsassume import process

        if not target.process:
            msg = "only botocore asks a machine"
            raise ValueError(msg)
        return process.principal(target.process, environ)

    try:
        found = answer(cache, target.question, surroundings(environ), started, ask)
    except (OSError, ValueError):
        return False
    return found == target.principal
