"""Removes files of ours from the cache, and nobody else's.

A file is ours by all of these: it is a regular file of this user, right in one of the four folders, has a name that we give,
and begins as we begin a file. Whatever else lies there, somebody else put there.
"""

import os
import re
import stat
from collections.abc import Iterable

from awsassume import folders, private, record

SESSIONS = "sessions"
FOLDERS = (SESSIONS, "recall", "names", "recent")
TIDIED = ".tidied"
# Longer than any write takes.
WRITE_SECONDS = 60
TIDY_SECONDS = 24 * 3600
# Sessions are over within 36 hours.
OVER_SECONDS = 2 * TIDY_SECONDS
UNREAD_SECONDS = 30 * TIDY_SECONDS

_KEY = re.compile(r"[0-9a-f]{1,64}")
_NAME = re.compile(
    r"[0-9a-f]{1,64}(\.failed|\.lock|\.turn)?|keyring\.lock|completion|\.tidied|(\.tmp-([0-9]+)-[0-9a-f]{8})"
)
_LOCKS = (".lock", ".turn")
_HEAD = re.compile(rb"awsassume (sealed )?[0-9]+[ \n]")
_HEAD_BYTES = 40


def is_ours_alone(directory: str) -> bool:
    """Tell whether a directory, the cache's own or a folder of it, holds nothing that somebody else named."""
    try:
        names = os.listdir(directory)
    except OSError:
        return False
    return all(name in FOLDERS or _NAME.fullmatch(name) for name in names)


def everything(cache: str) -> tuple[int, int]:
    """Remove all files of ours; give how many sessions, and how many other files. Raises UntrustedError or OSError.

    What another process holds or is writing now stays.
    """
    sessions = others = 0
    for place in FOLDERS:
        folder = folders.opened(cache, place)
        if folder is None:
            continue
        with folder:
            for name in folder.names():
                is_session = place == SESSIONS and _is_session(folder, name)
                if not _is_being_written(name) and remove(folder, name):
                    sessions += is_session
                    others += not is_session
    return sessions, others


def some(cache: str, place: str, names: Iterable[str]) -> int:
    """Remove these files of a folder; give how many were there. Raises UntrustedError or OSError."""
    folder = folders.opened(cache, place)
    if folder is None:
        return 0
    with folder:
        return sum(remove(folder, name) for name in names)


def tidy(cache: str, now: float) -> None:
    """Once a day, remove what nobody will read again: sessions long over, failures, and files left by killed processes."""
    try:
        with folders.made(cache, SESSIONS) as folder:
            try:
                # A time to come was the clock's fault.
                if 0 <= now - folder.status(TIDIED).st_mtime < TIDY_SECONDS:
                    return
            except OSError:
                pass
            folder.replace(TIDIED, record.dump([]))
        for place in FOLDERS:
            _tidy_folder(cache, place, now)
    except (OSError, private.UntrustedError):
        return


def _tidy_folder(cache: str, place: str, now: float) -> None:
    unread = OVER_SECONDS if place == SESSIONS else UNREAD_SECONDS
    folder = folders.opened(cache, place)
    if folder is None:
        return
    with folder:
        for name in folder.names():
            if name == TIDIED:
                continue
            # A temporary file younger than any write takes may belong to somebody who is still writing it. A lock that
            # nobody holds was left by a process that was killed.
            is_temporary = name.startswith(private.TEMPORARY)
            limit = WRITE_SECONDS if is_temporary or name.endswith(_LOCKS) else unread
            try:
                if now - folder.status(name).st_mtime > limit:
                    remove(folder, name)
            except OSError:
                continue


def prune(cache: str, place: str, most: int, fewest: int) -> None:
    """Where a folder holds more than ``most`` files, remove the oldest of ours, so that about ``fewest`` are left.

    Raises UntrustedError or OSError.
    """
    folder = folders.opened(cache, place)
    if folder is None:
        return

    with folder:
        names = [name for name in folder.names() if _NAME.fullmatch(name) and name[0] != "."]
        if len(names) <= most:
            return

        def age(name: str) -> float:
            try:
                return folder.status(name).st_mtime
            except OSError:
                return 0

        for name in sorted(names, key=age)[: len(names) - fewest]:
            try:
                remove(folder, name)
            except OSError:
                continue


def remove(folder: folders.Folder, name: str) -> bool:
    """Remove a file of ours, unless another process holds it; tell whether it is gone. Raises OSError."""
    if not _NAME.fullmatch(name):
        return False
    is_lock = name.endswith(_LOCKS)
    try:
        # Some file systems lock only what is open for writing.
        descriptor = folder.open(name, folders.SHARED & ~os.O_CREAT if is_lock else private.READ)
    except OSError:
        # A symlink, a socket, a directory, or nothing at all.
        return False
    try:
        if not _is_ours(descriptor, name) or (is_lock and not _locked(descriptor)):
            return False
        # What has been put in its place since is somebody's who still wants it; and who waits for a lock that is gone
        # looks whether it is.
        if not os.path.samestat(os.fstat(descriptor), folder.status(name)):
            return False
        folder.unlink(name)
    except FileNotFoundError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_ours(descriptor: int, name: str) -> bool:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return False
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        return False
    if status.st_size == 0:
        # Locks are empty, and so is what a killed process was about to write.
        return name.endswith(_LOCKS) or name.startswith(private.TEMPORARY)
    return _HEAD.match(os.read(descriptor, _HEAD_BYTES)) is not None


def _locked(descriptor: int) -> bool:
    """Lock a file without waiting; false where another process has it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Where there are no locks, nobody holds one.
        return True
    return True


def _is_session(folder: folders.Folder, name: str) -> bool:
    """Tell whether a file holds a session, sealed or not, rather than half of one."""
    if not _KEY.fullmatch(name):
        return False
    try:
        data = folder.read(name) or b""
    except (OSError, private.UntrustedError):
        return False
    return data.startswith(b"awsassume sealed ") or record.load(data) is not None


def _is_being_written(name: str) -> bool:
    match = _NAME.fullmatch(name)
    if match is None or match[2] is None:
        return False
    if os.name != "posix":
        return True
    try:
        os.kill(int(match[3]), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True
