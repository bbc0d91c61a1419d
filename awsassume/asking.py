"""Asks a process, a container or an instance who it is now, where nothing else tells."""

import time

from awsassume import recall
from awsassume.turn import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsassume.recall import Target

# As long as a person may take to touch a device.
PERSON_SECONDS = 60
MACHINE_SECONDS = 15


def answer(
    cache: str | None,
    question: str,
    environ: "Mapping[str, str]",
    started: float,
    ask: "Callable[[], str]",
    seconds: float = PERSON_SECONDS,
) -> str:
    """Give what ``ask`` answers, or answered another process that asked the same since we ``started`` (epoch seconds).

    One process at a time asks a question. An answer may hang on any variable and on the current directory, so it is none
    to whoever has others.
    """
    turn = None if cache is None else Turn(cache, question)
    try:
        where = recall.surroundings(environ)
        if turn:
            turn.wait(seconds)
            moment, _, said = turn.said().partition(" ")
            there, _, holder = said.partition(" ")
            if there == where and holder and _is_between(started, moment, time.time()):
                return holder
        began = time.time()
        holder = ask()
        if turn:
            turn.say(f"{began} {where} {holder}")
        return holder
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
        return process.holder(target.process, environ)

    try:
        return answer(cache, target.question, environ, started, ask) == target.holder
    except (OSError, ValueError):
        return False
