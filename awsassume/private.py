"""Files that nobody else can read or could have written.

Born 0600 in directories born 0700, whatever the umask; replaced whole, never changed in place; and read only when they are
regular files of ours, closed to others, and no symlink. A directory is opened once, looked at, and gone on from: whatever its
path comes to name meanwhile gives nothing and gets nothing.
"""

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

MOST_BYTES = 1 << 18
TEMPORARY = ".tmp-"
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
READ = os.O_RDONLY | _SAFE | getattr(os, "O_NONBLOCK", 0)
# What opens a file to lock it, and makes it where there is none.
SHARED = os.O_RDWR | os.O_CREAT | _SAFE | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
_ENTER = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Windows opens no directory, so that there a path has to do.
_FROM_DESCRIPTORS = os.open in os.supports_dir_fd


class UntrustedError(Exception):
    """Somebody else could have written this file or directory, or could read it. The text says which and what to do."""


class Folder:
    """An open directory. Use it as a context manager, or close it.

    Every name is one of a file right in it, and every method raises OSError where the system does.
    """

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: str, descriptor: int | None) -> None:
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
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def open(self, name: str, flags: int) -> int:
        """Open a file and give its descriptor; one that this makes is 0600."""
        return os.open(self._named(name), flags, 0o600, dir_fd=self._descriptor)

    def read(self, name: str, most: int = MOST_BYTES) -> bytes | None:
        """Read a file of ours; ``None`` where there is none.

        Raises UntrustedError for a symlink, another user's file or one open to others. A FIFO never blocks, and a file
        larger than any of ours (``most`` bytes) is not read.
        """
        try:
            descriptor = self.open(name, READ)
        except FileNotFoundError:
            return None
        except OSError:
            _check(self.status(name), f"{self.path}/{name}")
            raise
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _irregular(f"{self.path}/{name}")
            _check(status, f"{self.path}/{name}")
            if status.st_size > most:
                return None
            return os.read(descriptor, status.st_size + 1)
        finally:
            os.close(descriptor)

    def replace(self, name: str, data: bytes) -> None:
        """Put the data in place of what the file held, whole or not at all. Raises UntrustedError for what is no file."""
        temporary = f"{TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
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
                    src_dir_fd=self._descriptor,
                    dst_dir_fd=self._descriptor,
                )
            except IsADirectoryError:
                raise _irregular(f"{self.path}/{name}") from None
        except BaseException:
            try:
                self.unlink(temporary)
            except OSError:
                pass
            raise

    def names(self) -> list[str]:
        """Name all that is in the directory."""
        return os.listdir(self.path if self._descriptor is None else self._descriptor)

    def status(self, name: str) -> os.stat_result:
        """Say what a name stands for; of a symlink, the symlink."""
        return os.stat(self._named(name), dir_fd=self._descriptor, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        """Take a name away."""
        os.unlink(self._named(name), dir_fd=self._descriptor)

    def entered(self, name: str, *, make: bool = False) -> "Folder | None":
        """Open a directory in this one, where it is ours alone; ``None`` where there is none. ``make`` makes it 0700.

        Raises UntrustedError.
        """
        if make:
            self._mkdir(name)
        path = os.path.join(self.path, name)
        return _entered(path, self._named(name), self._descriptor)

    def _mkdir(self, name: str) -> None:
        # A mode is masked, never widened: under umask 0777 the directory would be unusable; and until a chmod that comes
        # later, its name could be made to stand for another.
        earlier = os.umask(0o077)
        try:
            os.mkdir(self._named(name), 0o700, dir_fd=self._descriptor)
        except FileExistsError:
            pass
        finally:
            os.umask(earlier)

    def _named(self, name: str) -> str:
        return name if self._descriptor is not None else os.path.join(self.path, name)


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
            inner = folder.entered(name) or folder.entered(name, make=True)
        if inner is None:
            raise FileNotFoundError(2, os.strerror(2), os.path.join(folder.path, name))
        folder = inner
    return folder


def close_to_others(descriptor: int) -> None:
    """Give an open file the mode 0600: that which it is made with is masked, and under umask 0777 nobody could open it."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)


def read(directory: str, folder: str, name: str, most: int = MOST_BYTES) -> bytes | None:
    """Read a file of a folder of the cache's ``directory``; ``None`` where there is none. Raises as Folder.read does."""
    inner = opened(directory, folder)
    if inner is None:
        return None
    with inner:
        return inner.read(name, most)


def write(directory: str, folder: str, name: str, data: bytes) -> None:
    """Write a file of a folder of the cache's ``directory``, whole or not at all. Raises UntrustedError or OSError."""
    with made(directory, folder) as inner:
        inner.replace(name, data)


def make(directory: str) -> None:
    """Make a directory that is ours alone, and those above it as needed. Raises UntrustedError or OSError."""
    made(directory).close()


def replace(path: str, data: bytes) -> None:
    """Put the data in place of what a file held, in a directory that need not be ours alone. Raises OSError."""
    above, name = os.path.split(path)
    folder = _above(above or ".")
    if folder is None:
        raise FileNotFoundError(2, os.strerror(2), above)
    with folder:
        folder.replace(name, data)


def _entered(path: str, name: str, start: int | None) -> Folder | None:
    if not _FROM_DESCRIPTORS:
        return Folder(path, None) if _is_there(path) else None
    try:
        descriptor = os.open(name, _ENTER | _SAFE, dir_fd=start)
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
    return Folder(path, descriptor)


def _above(path: str) -> Folder | None:
    """Open a directory above ours, whoever's it is and however it is reached; ``None`` where there is none."""
    if not _FROM_DESCRIPTORS:
        return Folder(path, None) if os.path.isdir(path) else None
    try:
        return Folder(path, os.open(path, _ENTER))
    except FileNotFoundError:
        return None


def _is_there(directory: str) -> bool:
    try:
        status = os.lstat(directory)
    except FileNotFoundError:
        return False
    _check_directory(status, directory)
    return True


def _irregular(path: str) -> UntrustedError:
    return UntrustedError(f"{path} is no regular file; remove it")


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
        import shlex

        raise UntrustedError(f"{path} is open to others; run: chmod go-rwx {shlex.quote(path)}")
