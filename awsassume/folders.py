"""Folders of files that nobody else can read or could have written: making and changing them.

Files are born 0600 in directories born 0700, whatever the umask, and replaced whole, never changed in place. A directory is
opened once, looked at, and gone on from: whatever its path comes to name meanwhile gets nothing.
"""

import os

from awsassume import private
from awsassume.private import NOWHERE, UntrustedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

# What opens a file to lock it, and makes it where there is none.
SHARED = os.O_RDWR | os.O_CREAT | private.SAFE | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | private.SAFE


class Folder:
    """An open directory. Use it as a context manager, or close it.

    Every name is one of a file right in it, and every method raises OSError where the system does.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def __enter__(self) -> "Self":
        """Give the folder itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the directory."""
        descriptor, self._descriptor = self._descriptor, NOWHERE
        private.leave(descriptor)

    def open(self, name: str, flags: int) -> int:
        """Open a file and give its descriptor; one that this makes is 0600."""
        return os.open(self._named(name), flags, 0o600, dir_fd=self._start)

    def read(self, name: str, most: int = private.MOST_BYTES) -> bytes | None:
        """Read a file of ours; ``None`` where there is none. Raises UntrustedError, as private.read does."""
        return private.read_in(self._descriptor, self.path, name, most)

    def replace(self, name: str, data: bytes) -> None:
        """Put the data in place of what the file held, whole or not at all. Raises UntrustedError for what is no file."""
        temporary = f"{private.TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
        descriptor = self.open(temporary, _CREATE)
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
                os.replace(
                    self._named(temporary),
                    self._named(name),
                    src_dir_fd=self._start,
                    dst_dir_fd=self._start,
                )
            except IsADirectoryError:
                raise UntrustedError(f"{self.path}/{name} is no regular file; remove it") from None
        except BaseException:
            try:
                self.unlink(temporary)
            except OSError:
                pass
            raise

    def names(self) -> list[str]:
        """Name all that is in the directory."""
        return os.listdir(self.path if self._start is None else self._start)

    def status(self, name: str) -> os.stat_result:
        """Say what a name stands for; of a symlink, the symlink."""
        return os.stat(self._named(name), dir_fd=self._start, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        """Take a name away."""
        os.unlink(self._named(name), dir_fd=self._start)

    def entered(self, name: str) -> "Folder | None":
        """Open a directory in this one, where it is ours alone; ``None`` where there is none. Raises UntrustedError."""
        return _entered(os.path.join(self.path, name), self._named(name), self._start)

    def mkdir(self, name: str) -> None:
        """Make a directory in this one, 0700, if there is none."""
        # A mode is masked, never widened: under umask 0777 the directory would be unusable; and until a chmod that comes
        # later, its name could be made to stand for another.
        earlier = os.umask(0o077)
        try:
            os.mkdir(self._named(name), 0o700, dir_fd=self._start)
        except FileExistsError:
            pass
        finally:
            os.umask(earlier)

    @property
    def _start(self) -> int | None:
        return None if self._descriptor == NOWHERE else self._descriptor

    def _named(self, name: str) -> str:
        return os.path.join(self.path, name) if self._descriptor == NOWHERE else name


def opened(directory: str, *below: str) -> Folder | None:
    """Open a directory, and those below it one from another, where each is ours alone; ``None`` where one is not there.

    Raises UntrustedError or OSError.
    """
    folder = _entered(directory, directory, None)
    for name in below:
        if folder is None:
            break
        with folder:
            inner = folder.entered(name)
        folder = inner
    return folder


def made(directory: str, *below: str) -> Folder:
    """Open a directory, and those below it, and make what is not there 0700. Raises UntrustedError or OSError."""
    folder = _entered(directory, directory, None)
    path, names = directory, list(below)
    while folder is None:
        # One by one: os.makedirs leaves those above the last open to everybody under umask 000.
        above, name = os.path.split(path)
        if not name:
            # The root, or the end of a relative path.
            raise FileNotFoundError(2, os.strerror(2), path)
        path, names = above, [name, *names]
        folder = _above(path or ".")
    for name in names:
        with folder:
            inner = folder.entered(name)
            if inner is None:
                folder.mkdir(name)
                inner = folder.entered(name)
        if inner is None:
            raise FileNotFoundError(2, os.strerror(2), os.path.join(folder.path, name))
        folder = inner
    return folder


def make(directory: str) -> None:
    """Make a directory that is ours alone, and those above it as needed. Raises UntrustedError or OSError."""
    made(directory).close()


def write(directory: str, folder: str, name: str, data: bytes) -> None:
    """Write a file of a folder of the cache's ``directory``, whole or not at all. Raises UntrustedError or OSError."""
    with made(directory, folder) as inner:
        inner.replace(name, data)


def replace(path: str, data: bytes) -> None:
    """Put the data in place of what a file held, in a directory that need not be ours alone. Raises OSError."""
    above, name = os.path.split(path)
    folder = _above(above or ".")
    if folder is None:
        raise FileNotFoundError(2, os.strerror(2), above)
    with folder:
        folder.replace(name, data)


def close_to_others(descriptor: int) -> None:
    """Give an open file the mode 0600: that which it is made with is masked, and under umask 0777 nobody could open it."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)


def _entered(path: str, name: str, start: int | None) -> Folder | None:
    descriptor = private.entered(path, name, start)
    return None if descriptor is None else Folder(path, descriptor)


def _above(path: str) -> Folder | None:
    """Open a directory above ours, whoever's it is and however it is reached; ``None`` where there is none."""
    if not private.FROM_DESCRIPTORS:
        return Folder(path, NOWHERE) if os.path.isdir(path) else None
    try:
        return Folder(path, os.open(path, private.ENTER))
    except FileNotFoundError:
        return None
