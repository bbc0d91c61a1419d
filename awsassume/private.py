"""Files that nobody else can read or could have written: reading them, which is all that a hit does.

They are read only when they are regular files of ours, closed to others, and no symlink. A directory is opened once, looked
at, and gone on from: whatever its path comes to name meanwhile gives nothing. ``folders`` writes.
"""

import os
import stat

MOST_BYTES = 1 << 18
TEMPORARY = ".tmp-"
SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
READ = os.O_RDONLY | SAFE | getattr(os, "O_NONBLOCK", 0)
ENTER = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0)
# Windows opens no directory, so that there a path has to do.
FROM_DESCRIPTORS = os.open in os.supports_dir_fd
NOWHERE = -1
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class UntrustedError(Exception):
    """Somebody else could have written this file or directory, or could read it. The text says which and what to do."""


def read(directory: str, folder: str, name: str, most: int = MOST_BYTES) -> bytes | None:
    """Read a file of a folder of the cache's ``directory``; ``None`` where there is none.

    Raises UntrustedError for a symlink, another user's file or one open to others, OSError where it can't be read.
    A FIFO never blocks, and a file larger than any of ours (``most`` bytes) is not read.
    """
    outer = entered(directory, directory, None)
    if outer is None:
        return None
    path = f"{directory}/{folder}"
    try:
        inner = entered(path, folder, outer)
    finally:
        leave(outer)
    if inner is None:
        return None
    try:
        return read_in(inner, path, name, most)
    finally:
        leave(inner)


def entered(path: str, name: str, start: int | None) -> int | None:
    """Open a directory that is ours alone, and give its descriptor; ``None`` where there is none.

    ``name`` is found from ``start``, a descriptor, or from anywhere; ``path`` is for people. Where the system opens no
    directories, NOWHERE stands for the path. Raises UntrustedError or OSError.
    """
    if not FROM_DESCRIPTORS:
        try:
            _check_directory(os.lstat(path), path)
        except FileNotFoundError:
            return None
        return NOWHERE
    try:
        descriptor = os.open(name, ENTER | SAFE, dir_fd=start)
    except FileNotFoundError:
        return None
    except OSError:
        _check_directory(os.stat(name, dir_fd=start, follow_symlinks=False), path)
        raise
    try:
        _check_directory(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def leave(descriptor: int) -> None:
    """Let go of a directory."""
    if descriptor != NOWHERE:
        os.close(descriptor)


def read_in(folder: int, path: str, name: str, most: int) -> bytes | None:
    """Read a file of an open folder, whose path this is; as ``read`` does."""
    start = None if folder == NOWHERE else folder
    where = f"{path}/{name}"
    found = where if start is None else name
    try:
        descriptor = os.open(found, READ, dir_fd=start)
    except FileNotFoundError:
        return None
    except OSError:
        _check(os.stat(found, dir_fd=start, follow_symlinks=False), where)
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UntrustedError(f"{where} is no regular file; remove it")
        _check(status, where)
        if status.st_size > most:
            return None
        return os.read(descriptor, status.st_size + 1)
    finally:
        os.close(descriptor)


def _check_directory(status: os.stat_result, path: str) -> None:
    _check(status, path)
    if not stat.S_ISDIR(status.st_mode):
        raise UntrustedError(f"{path} is not a directory; remove it")


def _check(status: os.stat_result, path: str) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise UntrustedError(f"{path} is a symlink, which is not followed; remove it")
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise UntrustedError(
            f"{path} belongs to another user; remove it or set AWSASSUME_CACHE_DIR"
        )
    if os.name == "posix" and status.st_mode & _OTHERS:
        from awsassume import removal

        if stat.S_ISDIR(status.st_mode) and not removal.is_ours_alone(path):
            raise UntrustedError(
                f"{path} is open to others and holds other files; "
                "set AWSASSUME_CACHE_DIR to another folder"
            )
        from awsassume import spelling

        close = spelling.command(["chmod", "go-rwx", path])
        raise UntrustedError(f"{path} is open to others; run: {close}")
