"""Files that nobody else can read or could have written.

Born 0600 in directories born 0700, whatever the umask; replaced whole, never changed in place; and read only when they are
regular files of ours, closed to others, and no symlink.
"""

import os
import stat

MOST_BYTES = 1 << 18
TEMPORARY = ".tmp-"
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_CREATE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class UntrustedError(Exception):
    """Somebody else could have written this file or directory, or could read it. The text says which and what to do."""


def read(path: str, most: int = MOST_BYTES) -> bytes | None:
    """Read a file of ours; ``None`` where there is none.

    Raises UntrustedError for a symlink, another user's file or one open to others, OSError where it can't be read.
    A FIFO never blocks, and a file larger than any of ours (``most`` bytes) is not read.
    """
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        return None
    except OSError:
        _check(os.lstat(path), path)
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _irregular(path)
        _check(status, path)
        if status.st_size > most:
            return None
        return os.read(descriptor, status.st_size + 1)
    finally:
        os.close(descriptor)


def trust(directory: str) -> bool:
    """Tell whether the directory is there. Raises UntrustedError when it is, and is not ours alone."""
    try:
        status = os.lstat(directory)
    except FileNotFoundError:
        return False
    _check(status, directory)
    if not stat.S_ISDIR(status.st_mode):
        raise UntrustedError(f"{directory} is not a directory; remove it")
    return True


def make(directory: str) -> None:
    """Make the directory 0700, and those above it as needed. Raises UntrustedError or OSError."""
    if trust(directory):
        return
    above = os.path.dirname(directory)
    if not os.path.isdir(above):
        # One by one: os.makedirs leaves those above the last open to everybody under umask 000.
        make(above)
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        trust(directory)
        return
    # mkdir's mode is masked, never widened: under umask 0777 it would be unusable.
    os.chmod(directory, 0o700)


def write(path: str, data: bytes) -> None:
    """Put the data in place of what the file held, whole or not at all. Raises UntrustedError or OSError."""
    make(os.path.dirname(path))
    replace(path, data)


def replace(path: str, data: bytes) -> None:
    """Put the data in place of what the file held, in a directory that need not be ours alone. Raises OSError."""
    temporary = f"{os.path.dirname(path)}/{TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
    descriptor = os.open(temporary, _CREATE, 0o600)
    try:
        try:
            close_to_others(descriptor)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.replace(temporary, path)
        except IsADirectoryError:
            raise _irregular(path) from None
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def close_to_others(descriptor: int) -> None:
    """Give an open file the mode 0600: that which it is made with is masked, and under umask 0777 nobody could open it."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)


def _irregular(path: str) -> UntrustedError:
    return UntrustedError(f"{path} is no regular file; remove it")


def _check(status: os.stat_result, path: str) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise UntrustedError(f"{path} is a symlink, which is not followed; remove it")
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise UntrustedError(
            f"{path} belongs to another user; remove it or set AWSASSUME_CACHE_DIR"
        )
    if os.name == "posix" and status.st_mode & _OTHERS:
        if status.st_mode & stat.S_ISVTX:
            raise UntrustedError(
                f"{path} is everybody's; set AWSASSUME_CACHE_DIR to a folder in it"
            )
        import shlex

        raise UntrustedError(f"{path} is open to others; run: chmod go-rwx {shlex.quote(path)}")
