"""The choice of a role, where none was given and somebody is there to choose.

It is drawn on /dev/tty, so that ``eval "$(awsassume)"`` reads the result and nothing else.
"""

import os
import time

from awsassume import inventory, listing, person, prompt
from awsassume.config import Config
from awsassume.errors import UsageFailure
from awsassume.inventory import Entry
from awsassume.program import Program
from awsassume.request import Request

# As many as a person can find a number in.
MOST_NUMBERED = 40


def run(program: Program, request: Request) -> int:
    """Let a role be chosen and become it. Raises UsageFailure where nobody could choose, KeyboardInterrupt where nobody did."""
    program.guard(request)
    if request.format == "process" or not prompt.can_ask():
        raise UsageFailure("no ROLE was given", "run: awsassume ROLE, or see: awsassume --help")
    now = time.time()
    entries = [
        entry
        for entry in inventory.entries(Config(program.past), program.cache, now)
        if not entry.problem and not entry.words[-1].startswith("-")
    ]
    words = _chosen(program, entries, now)
    # What was said on the command line holds over what the role was taken with the last time.
    return program.again([*words, *program.argv])


def _chosen(program: Program, entries: list[Entry], now: float) -> tuple[str, ...]:
    rows = [row(entry, now) for entry in entries]
    has_menu = program.environ.get("TERM", "dumb") != "dumb"
    if has_menu:
        try:
            from awsassume import menu
        except ImportError:
            has_menu = False
    with open("/dev/tty", "r+b", buffering=0) as terminal:
        if has_menu:
            is_plain = bool(program.environ.get("NO_COLOR"))
            found = menu.choose(terminal, rows, is_plain=is_plain)
        else:
            found = _numbered(terminal, rows)
    if isinstance(found, int):
        return entries[found].words
    if found.startswith("-"):
        raise UsageFailure(f'"{found}" is no role\'s name', "run: awsassume, and choose again")
    return (found,)


def row(entry: Entry, now: float) -> tuple[str, str]:
    """Give what is chosen by, and what is told beside it."""
    left = f"{listing.minutes(entry.remaining(now))} left" if entry.expiration else ""
    role = "" if entry.role.rpartition("/")[2] == entry.name else entry.role
    options = " ".join(entry.words[:-1])
    told = (entry.account, role or ("" if entry.role else entry.source), options, left)
    return person.plain(entry.name), person.plain("  ".join(text for text in told if text))


def _numbered(terminal: object, rows: list[tuple[str, str]]) -> int | str:
    """Ask for a number or a name, line by line, as any terminal can. Raises KeyboardInterrupt for none."""
    descriptor = terminal.fileno()  # type: ignore[attr-defined]  # an open file
    shown = rows[:MOST_NUMBERED]
    width = max((len(name) for name, _ in shown), default=0)
    lines = [
        f"{number:3}  {name:{width}}  {told}".rstrip()
        for number, (name, told) in enumerate(shown, 1)
    ]
    if len(rows) > len(shown):
        lines.append(f"     and {len(rows) - len(shown)} more: awsassume --list")
    person.tell(descriptor, "\n".join([*lines, "Number or ROLE: "]))
    said = b""
    while not said.endswith(b"\n"):
        part = os.read(descriptor, 1024)
        if not part:
            break
        said += part
    text = said.decode("utf-8", "replace").strip()
    if not text:
        raise KeyboardInterrupt
    if text.isdecimal() and 1 <= int(text[:9]) <= len(shown):
        return int(text[:9]) - 1
    names = [name for name, _ in rows]
    return names.index(text) if text in names else text
