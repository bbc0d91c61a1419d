"""What is kept of a command line for the fast way (``recall``), and when it may be.

A file of it holds a list of what may be written down, whatever was typed and whatever the environment holds: the verb, the
names of role and profile, how to print, the key of the session and the states of files. What else was typed may be a secret.
"""

import os
import stat
import sys
import time

from awsassume import environment, record
from awsassume.recall import FOLDER, IS_CHECKOUT, REFERENCE, Target, head, state, state_of
from awsassume.request import Request

MOST_ENTRIES = 500
# Linux stamps files by a clock that goes on up to every 10 ms; FAT goes on every two seconds.
_TICK_NANOSECONDS = 20_000_000
_COARSE_NANOSECONDS = 2_000_000_000
# After this long, what was just written has settled.
SETTLING_SECONDS = 1.5 * _TICK_NANOSECONDS / 1_000_000_000
# What is typed with these may be a secret: it is not written down, but found again in the words at hand.
_TYPED = (
    "external_id",
    "policy",
    "tags",
    "transitive_tags",
)
_TYPED_OPTIONS = frozenset("--" + name.replace("_", "-").removesuffix("s") for name in _TYPED)
_FLAGS = frozenset(("--chain", "--no-cache"))


class Files:
    """The files that an answer is drawn from: each with the state it was in before it was read.

    ``cwd`` is set when a relative name among them means another file elsewhere. ``certain`` is false when a change to one
    of them could go unseen, so that nothing may be remembered.
    """

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.cwd: str | None = None
        self.certain = True
        self._unsettled: set[str] = set()

    def note(self, path: str, *, replaced: bool = False, anew: bool = False) -> str:
        """Take down how a file stands, before it is read, and give its absolute path.

        ``replaced`` tells that it is never written in place, so that a change makes another file of it; ``anew``, that what
        was read of it before counts no more. Raises OSError for a relative name when the current directory is gone.
        """
        if not os.path.isabs(path):
            self.cwd = os.getcwd()
            path = os.path.join(self.cwd, path)
        if replaced or anew or path not in self.states:
            self.states[path] = state(path)
            self._unsettled.discard(path)
            if not (replaced or _is_settled(path)):
                self._unsettled.add(path)
        return path

    def expanded(self, path: str) -> str:
        """Give a name with the home that ``~`` stands for. Where another user's is, nobody remembers."""
        if path.startswith("~") and path[1:2] not in {"", "/"}:
            self.certain = False
        return os.path.expanduser(path)

    @property
    def may_be_remembered(self) -> bool:
        """Whether any change to them will show."""
        return self.certain and not self._unsettled


def _is_settled(path: str) -> bool:
    """Tell whether a file's next change will show: two within one tick of its file system's clock have the same times."""
    now = time.time_ns()
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        # One that comes to be there shows.
        return True
    if not stat.S_ISREG(status.st_mode):
        # What comes of a terminal or a pipe is another each time; what comes of this is nothing.
        return status.st_rdev == os.stat(os.devnull).st_rdev
    times = (status.st_mtime_ns, status.st_ctime_ns)
    whole = all(moment % 1_000_000_000 == 0 for moment in times)
    tick = _COARSE_NANOSECONDS if whole else _TICK_NANOSECONDS
    return all(abs(now - moment) > tick for moment in times)


def remember(
    cache: str, mark: str, argv: list[str], request: Request, target: Target, files: Files
) -> None:
    """Keep what came of these circumstances. Raises private.UntrustedError, OSError or ValueError."""
    if not (request.may_be_remembered and files.may_be_remembered):
        return
    if record.seal is not None and not target.key:
        # What needs no session needs no keyring either, which may be locked.
        return
    if "@" in target.settings:
        # An address may hold a user's name and password.
        return
    given = request.pairs()
    pairs = [
        (f"request {name}", text)
        for name, text in given
        if name != "command" and not _may_be_secret(name, text)
    ]
    for name in Target.__slots__:
        text = getattr(target, name)
        if name == "renew":
            text = _referring(text, argv)
        elif name == "partial":
            text = "" if may_be_written(request) else "yes"
        pairs.append((f"target {name}", text))
    pairs += [(f"file {path}", text) for path, text in files.states.items()]
    if files.cwd is not None:
        pairs.append(("cwd", files.cwd))
    if IS_CHECKOUT:
        modules = _modules()
        pairs.append((f"program {modules}", state_of(modules)))
    record.write(cache, FOLDER, mark, pairs)
    from awsassume import removal

    # A command line with a changing word in it leaves an entry each time.
    removal.prune(cache, FOLDER, MOST_ENTRIES, MOST_ENTRIES // 2)


def _modules() -> str:
    """Name the modules of ours that have been imported, those of which an answer came and more."""
    start = __name__.rpartition(".")[0] + "."
    return " ".join([name.removeprefix(start) for name in sys.modules if name.startswith(start)])


def may_be_written(request: Request) -> bool:
    """Tell whether all that was typed may be written down."""
    return not any(_may_be_secret(name, text) for name, text in request.pairs())


def _may_be_secret(name: str, text: str) -> bool:
    # A policy that is no document is the name of a file.
    return name in _TYPED and (name != "policy" or text.lstrip().startswith("{"))


def _referring(renew: str, argv: list[str]) -> str:
    """Give the words for --renew with a reference in place of what may be secret. Raises ValueError where there is none."""
    words = renew.split(" ")
    index = 0
    while index < len(words) - 1:
        option, value = words[index : index + 2]
        if option in _TYPED_OPTIONS:
            text = environment.decode(value)
            if option != "--policy" or text.lstrip().startswith("{"):
                words[index + 1] = _reference(text, argv)
        index += 2 if option.startswith("--") and option not in _FLAGS else 1
    return " ".join(words)


def _reference(text: str, argv: list[str]) -> str:
    for index, word in enumerate(head(argv)):
        if word.endswith(text):
            return f"{REFERENCE}{index}{REFERENCE}{len(word) - len(text)}"
    msg = "it does not stand in the words"
    raise ValueError(msg)
