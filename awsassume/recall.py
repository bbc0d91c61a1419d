"""What a command line came to the last time, in the same circumstances: the fast way.

Parsing options with Typer and reading the AWS config with botocore costs twenty interpreters; remembering what came of it
costs one file. What is remembered is the parse and the name of the session's file, never a secret. It is used only when
everything that could lead to another answer is as it was: the words, the variables that matter, who and where we are, our
version, and the files that were read (by times, size and inode). A miss costs time and nothing else.
"""

import os
import sys
import time

from awsassume import __version__, private, record
from awsassume.request import Request

FOLDER = "recall"
MOST_ENTRIES = 500
# Linux stamps files by a clock that goes on up to every 10 ms; FAT goes on every two seconds.
_TICK_NANOSECONDS = 20_000_000
_COARSE_NANOSECONDS = 2_000_000_000
# After this long, what was just written has settled.
SETTLING_SECONDS = 1.5 * _TICK_NANOSECONDS / 1_000_000_000
# Variables beside AWS_* and AWSASSUME_* that decide where files are and who the session is named after.
_NAMES = (
    "HOME",
    "XDG_CACHE_HOME",
    "USER",
    "LOGNAME",
    "LNAME",
    "USERNAME",
    "USERPROFILE",
    "LOCALAPPDATA",
)
# These are secrets: that they are set matters, and is noted; what they are set to is not. The access key id beside them is.
_SECRETS = frozenset(
    (
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    )
)
_CONTAINER = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
# These say how to print or prompt, and lead to no other session.
_PASSING = frozenset(
    (
        "AWSASSUME_SHELL",
        "AWSASSUME_SHIM_FD",
        "AWSASSUME_DEBUG",
        "AWSASSUME_AUTO_RENEW",
        "AWSASSUME_TOKEN_CODE",
    )
)


class Target:
    """What a request came to: the key of its session, the name for prompts, the region, and the words that renew it.

    ``means`` is the role's ARN; where the credentials are a source's own, a digest of which source and whose they are.
    ``settings`` are those of its profile, as ``environment.settings`` reads them. ``asks`` is ``yes`` where a person may have
    to type an MFA code, for which others wait longer. ``passed`` says that the profile which AWS_PROFILE names is not used.
    Where nothing but asking tells who the source is, ``principal`` is whom the key is for (``Credentials.principal``),
    ``question`` the name of what was asked, and ``process`` what to run, if that is a process.
    """

    __slots__ = (
        "asks",
        "key",
        "means",
        "passed",
        "principal",
        "process",
        "question",
        "region",
        "renew",
        "role",
        "settings",
    )

    def __init__(
        self, key: str = "", role: str = "", region: str = "", renew: str = "", asks: str = ""
    ) -> None:
        self.key = key
        self.role = role
        self.region = region
        self.renew = renew
        self.asks = asks
        self.means = self.passed = self.principal = ""
        self.process = self.question = self.settings = ""


def fingerprint(argv: list[str], environ: dict[str, str]) -> str:
    """Write down everything outside the files that could lead to another answer. Give it the environment as if cleared."""
    lines = [__version__, *argv, ""]
    for name in sorted(environ):
        if name.startswith("AWS") or name in _NAMES:
            if name == _CONTAINER:
                # It alone may tell whose credentials an address gives.
                lines.append(f"{name} {record.checksum(os.fsencode(environ[name]))}")
            elif name in _SECRETS:
                lines.append(name)
            elif name not in _PASSING:
                lines.append(f"{name}={environ[name]}")
    if hasattr(os, "uname"):
        lines.append(f"{os.getuid()} {os.geteuid()} {os.uname().nodename}")
    # Names and files are read in it.
    lines.append(sys.getfilesystemencoding())
    # Each with its length, so that no two lists of texts come out alike.
    return "".join([f"{len(line)}:{line}," for line in lines])


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
    times = (status.st_mtime_ns, status.st_ctime_ns)
    whole = all(moment % 1_000_000_000 == 0 for moment in times)
    tick = _COARSE_NANOSECONDS if whole else _TICK_NANOSECONDS
    return all(abs(now - moment) > tick for moment in times)


def state(path: str) -> str:
    """Say how a file stands: a text that changes when the file does.

    The change time is in it, since anybody can set the modification time back; and the device, since a symlink in the
    path may come to lead elsewhere.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{status.st_mtime_ns} {status.st_ctime_ns} {status.st_size} {status.st_ino} {status.st_dev}"


def current_directory() -> str:
    """Name the current directory; ``""`` when it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def find(cache: str, fingerprint: str) -> tuple[Request, Target] | None:
    """Give what these circumstances came to, or ``None``. Raises private.UntrustedError."""
    try:
        data = private.read(cache, FOLDER, name_of(fingerprint))
    except OSError:
        return None
    pairs = record.load(data) if data else None
    if not pairs or pairs[0] != ("fingerprint", fingerprint):
        return None
    target = Target()
    asked: list[tuple[str, str]] = []
    for name, text in pairs[1:]:
        kind, _, rest = name.partition(" ")
        if kind == "request":
            asked.append((rest, text))
        elif kind == "target" and rest in Target.__slots__:
            setattr(target, rest, text)
        elif kind == "cwd":
            if current_directory() != text:
                return None
        elif state(rest) != text:
            return None
    try:
        return Request.from_pairs(asked), target
    except ValueError:
        return None


def remember(cache: str, fingerprint: str, request: Request, target: Target, files: Files) -> None:
    """Keep what came of these circumstances. Raises private.UntrustedError, OSError or ValueError."""
    if not (request.may_be_remembered and files.may_be_remembered):
        return
    pairs = [("fingerprint", fingerprint)]
    pairs += [(f"request {name}", text) for name, text in request.pairs()]
    pairs += [(f"target {name}", getattr(target, name)) for name in Target.__slots__]
    pairs += [(f"file {path}", text) for path, text in files.states.items()]
    if files.cwd is not None:
        pairs.append(("cwd", files.cwd))
    private.write(cache, FOLDER, name_of(fingerprint), record.dump(pairs))
    from awsassume import removal

    # A command line with a changing word in it leaves an entry each time.
    removal.prune(cache, FOLDER, MOST_ENTRIES, MOST_ENTRIES // 2)


def name_of(fingerprint: str) -> str:
    """Name the file of what is known by a fingerprint."""
    return record.checksum(os.fsencode(fingerprint))
