"""`ROLE -- COMMAND`: the command takes our place, and no process of ours is left behind."""

# The module without an underscore costs a hit more than all that it does.
import _signal  # type: ignore[import-not-found]  # typeshed leaves it out
import errno
import os

from awsassume import shells
from awsassume.errors import UsageFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.program import Program

NOT_RUNNABLE, NOT_FOUND = 126, 127
_COERCED = frozenset(("C.UTF-8", "C.utf8", "UTF-8"))


def become(program: "Program", command: tuple[str, ...], environ: dict[str, str]) -> int:
    """Let a command take our place. Raises UsageFailure where it can't be run."""
    if not command[0]:
        raise UsageFailure("COMMAND is empty")
    program.measure({**environ})
    # The code of a device is good once, and for us.
    environ.pop("AWSASSUME_TOKEN_CODE", None)
    _give_back_locale(environ)
    _give_back_signals()
    try:
        error = _try(command, environ)
    except ValueError:
        raise UsageFailure("COMMAND can't hold a NUL character") from None
    failure = UsageFailure(f"{command[0]} can't be run: {error.strerror}")
    # As `env` has them, and every shell.
    is_missing = error.errno == errno.ENOENT or (
        error.errno == errno.ENOTDIR and "/" not in command[0]
    )
    failure.exit_code = NOT_FOUND if is_missing else NOT_RUNNABLE
    raise failure


def _try(command: tuple[str, ...], environ: dict[str, str]) -> OSError:
    """Become the first program of the name along PATH, or sh for a script that names no interpreter, as execvp(3) does.

    Gives what stood in the way.
    """
    name = command[0]
    paths = [name] if "/" in name else [f"{at or '.'}/{name}" for at in os.get_exec_path(environ)]
    met: OSError | None = None
    for path in paths:
        try:
            try:
                os.execve(path, command, environ)  # noqa: S606  # no shell is wanted
            except OSError as error:
                if error.errno != errno.ENOEXEC:
                    raise
                os.execve("/bin/sh", ["/bin/sh", path, *command[1:]], environ)  # noqa: S606  # the script's own
        except OSError as error:
            is_missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
            if met is None or not is_missing:
                met = error
            if not is_missing and error.errno != errno.EACCES:
                break
    return met or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _give_back_locale(environ: dict[str, str]) -> None:
    """Undo what Python does to LC_CTYPE at its start where no locale is set (PEP 538), if the system keeps what there was."""
    if environ.get("LC_CTYPE") not in _COERCED or environ.get("LC_ALL"):
        return
    try:
        with open("/proc/self/environ", "rb") as file:
            started_with = file.read().split(b"\0")
    except OSError:
        return
    del environ["LC_CTYPE"]
    for item in started_with:
        if item.startswith(b"LC_CTYPE="):
            environ["LC_CTYPE"] = os.fsdecode(item[len("LC_CTYPE=") :])


def _give_back_signals() -> None:
    """Undo that Python ignores two signals for itself, and what is ignored stays so: `yes | head` would complain.

    Whether they were ignored before can be seen at a parent alone, which hands on what it ignores.
    """
    ignored = 0
    try:
        with open(f"/proc/{os.getppid()}/status", "rb") as file:
            for line in file:
                if line.startswith(b"SigIgn:") and shells.reads(shells.parent_executable() or ""):
                    ignored = int(line.split()[1], 16)
    except OSError:
        pass
    for name in ("SIGPIPE", "SIGXFSZ"):
        number = getattr(_signal, name, 0)
        if number and not ignored >> (number - 1) & 1:
            _signal.signal(number, _signal.SIG_DFL)
