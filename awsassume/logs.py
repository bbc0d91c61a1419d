"""Whether standard output is a script's own, a log or CI's, and no shell reads it: on Linux, by what processes hold open.

Only what is sure counts. In ``$(awsassume ROLE; true)`` our output is our parent's too, but that is a fork of the shell
around it, with the same words, and that shell's output is another.
"""

import os
import stat

from awsassume import shells

# ksh93 runs `$(…)` in its own process, and busybox is many programs.
_SHELLS = frozenset(("bash", "sh", "dash", "zsh", "fish"))
# These hand on what they read, who knows to whom.
_RELAYS = ("sshd", "docker", "containerd", "conmon", "podman", "runc", "make", "gmake", "tmux")
_LOGGERS = frozenset(
    ("cat", "tee", "ts", "logger", "systemd-cat", "multilog", "svlogd", "rotatelogs")
)
_FIRST_SAVED = 10


def is_sure() -> bool:
    """Tell whether nobody but a log can be reading our standard output. Our parent's is the same."""
    try:
        shell = os.getppid()
        if _name(shell) not in _SHELLS:
            return False
        while (above := _parent(shell)) and _words(above) == _words(shell):
            # A fork of the shell above it, as ( … ) is, and $( … ), and the parts of a pipeline.
            if not _is_same(1, above):
                return False
            shell = above
        return not _has_put_aside(shell) and _is_log(shell)
    except OSError:
        # Another user's, or gone, or no Linux.
        return False


def _is_same(descriptor: int, process: int) -> bool:
    try:
        ours, theirs = os.fstat(descriptor), os.stat(f"/proc/{process}/fd/1")
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def _name(process: int) -> str:
    name = os.readlink(f"/proc/{process}/exe").removesuffix(" (deleted)")
    return os.path.basename(name).rstrip("0123456789.-")


def _words(process: int) -> bytes:
    with open(f"/proc/{process}/cmdline", "rb") as file:
        return os.fsencode(os.readlink(f"/proc/{process}/exe")) + b"\0" + file.read()


def _parent(process: int) -> int:
    with open(f"/proc/{process}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def _has_put_aside(shell: int) -> bool:
    """Tell whether a shell keeps another output for later, as it does around ``{ … } > file``."""
    for number in os.listdir(f"/proc/{shell}/fd"):
        if int(number) < _FIRST_SAVED or not _is_open_for(shell, number, writing=True):
            continue
        aside, now = os.stat(f"/proc/{shell}/fd/{number}"), os.fstat(1)
        if (aside.st_dev, aside.st_ino) != (now.st_dev, now.st_ino):
            return True
    return False


def _is_open_for(process: int, number: str, *, writing: bool) -> bool:
    with open(f"/proc/{process}/fdinfo/{number}", "rb") as file:
        for line in file:
            if line.startswith(b"flags:"):
                mode = int(line.split()[1], 8) & os.O_ACCMODE
                return mode != (os.O_RDONLY if writing else os.O_WRONLY)
    return False


def _is_log(shell: int) -> bool:
    status = os.fstat(1)
    if stat.S_ISREG(status.st_mode):
        # Opened once more, as by `>> log`, it has a place of its own in the file.
        return _position(os.getpid()) == _position(shell)
    if not stat.S_ISFIFO(status.st_mode):
        return stat.S_ISSOCK(status.st_mode)
    above = {shell}
    process = shell
    while process := _parent(process):
        above.add(process)
    return _is_kept(status.st_ino, above)


def _is_kept(pipe: int, above: set[int]) -> bool:
    """Tell whether all that read a pipe, and what they write in turn, keep what they read. ``above`` are our ancestors."""
    readers = _readers(f"pipe:[{pipe}]")
    for reader in readers:
        name = _name(reader)
        if reader in above:
            if shells.reads(name) is not None or name.startswith(_RELAYS):
                return False
            continue
        output = os.stat(f"/proc/{reader}/fd/1")
        if name not in _LOGGERS or output.st_ino == pipe:
            return False
        if stat.S_ISFIFO(output.st_mode) and not _is_kept(output.st_ino, above):
            return False
    return bool(readers)


def _position(process: int) -> bytes:
    with open(f"/proc/{process}/fdinfo/1", "rb") as file:
        return file.read()


def _readers(pipe: str) -> list[int]:
    """Find the processes that have a pipe open for reading, among those that may be looked at."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            for number in os.listdir(f"/proc/{name}/fd"):
                if os.readlink(f"/proc/{name}/fd/{number}") == pipe and _is_open_for(
                    int(name), number, writing=False
                ):
                    found.append(int(name))
                    break
        except OSError:
            continue
    return found
