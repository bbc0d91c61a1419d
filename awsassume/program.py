"""The wiring: from a command line to what is printed, the fast way where it can, and the exit code.

Nothing is imported here that a fresh session does not need; each of the other verbs brings its own.
"""

# The module without an underscore costs a hit more than all that it does.
import _signal  # type: ignore[import-not-found]  # typeshed leaves it out
import os
import sys
import time

from awsassume import __version__, environment, paths, private, recall, record, sessions, shells

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from awsassume.credentials import Credentials
    from awsassume.recall import Target
    from awsassume.request import Request
    from awsassume.turn import Turn

EVAL_MODES = ("export", "clear", "renew", "pick")
_OF_THE_FUNCTION = ("AWSASSUME_SHELL", "AWSASSUME_SHIM_FD", "AWSASSUME_SUBSHELL")
# All that end a program and can be caught, but SIGPIPE, and those by which a fault of Python's own would come without end.
_ENDING = (
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGABRT",
    "SIGTRAP",
    "SIGSYS",
    "SIGUSR1",
    "SIGUSR2",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGVTALRM",
    "SIGPROF",
    "SIGXCPU",
    "SIGIO",
    "SIGPWR",
    "SIGEMT",
    "SIGLOST",
    "SIGTHR",
)


class Signals:
    """The signals that end a program: each of them settles as an interrupt does, so that the shell that reads us fails."""

    def __init__(self) -> None:
        self.number = 0
        self.is_over = False
        self.environ: dict[str, str] = {}
        self.program: Program | None = None

    def catch(self) -> None:
        """Begin. What whoever started us ignores, as nohup does, stays ignored."""
        numbers = [getattr(_signal, name, 0) for name in _ENDING]
        if hasattr(_signal, "SIGRTMIN"):
            numbers += range(_signal.SIGRTMIN, _signal.SIGRTMAX + 1)
        defaults = (_signal.SIG_DFL, _signal.default_int_handler)
        for number in numbers:
            if number and _signal.getsignal(number) in defaults:
                _signal.signal(number, self._raise)

    def _raise(self, number: int, frame: object) -> None:  # noqa: ARG002  # as Python calls it
        if not self.is_over:
            self.number = number
            # Raised inside of what C called, it would be printed there, and lost.
            sys.excepthook = sys.unraisablehook = self._lost
            raise KeyboardInterrupt

    def _lost(self, *what: object) -> None:
        """Be the end where an interrupt can't go up to ``main``."""
        error = what[1] if len(what) > 1 else getattr(what[0], "exc_value", None)
        if isinstance(error, KeyboardInterrupt):
            _end(_settle(self.program, error))


signals = Signals()


class Program:
    """One run: the words, the environment as it is and as if cleared, and where to write."""

    def __init__(self, argv: list[str], environ: dict[str, str]) -> None:
        self.argv = argv
        self.environ = environ
        self.started = time.time()
        self.may_ask = True
        # What --renew must come to again (``Target.means``).
        self.held = ""
        self.request: Request | None = None
        # Of the shell's function, for this process alone: what we start finds neither the words nor the descriptor.
        self.calling, shim, subshell = (environ.pop(name, "") for name in _OF_THE_FUNCTION)
        for name in _OF_THE_FUNCTION:
            os.environ.pop(name, None)
        self.is_in_subshell, self.seal = subshell.startswith("1"), subshell.partition(":")[2]
        # The environment without what stood before this command alone.
        self.shell, self._prefixed = environ, list[str]()
        if "AWSASSUME_PREFIXED" in environ:
            from awsassume import prefix

            self.shell, self._prefixed = prefix.taken_apart(environ)
        self.shim_descriptor = _closed_to_others(shim)
        self._warned: set[str] = set()
        self._enter(argv)

    def _enter(self, argv: list[str], *, renewing: bool = False) -> None:
        self.argv = argv
        # Typer knows whether this is the option; as the value of another it is not, and slow puts it right.
        head = argv[: argv.index("--")] if "--" in argv else argv
        self.take_past(chain="--chain" in head, renewing=renewing)
        self.cache = paths.cache_directory(self.past)
        self.mark = recall.fingerprint(argv, self.past)

    def take_past(self, *, chain: bool, renewing: bool = False) -> None:
        """Take the environment as if cleared; with ``chain`` what is there now is the source, even a role of ours."""
        self.chain = chain
        if chain:
            self.past = {
                name: value for name, value in self.environ.items() if name not in environment.OURS
            }
        else:
            self.past = environment.before(self.environ, renewing=renewing)
            if environment.SERVED in self.past:
                from awsassume import served

                self.past = served.around(self.past)
        if self.seal:
            from awsassume import subshell

            self.past = subshell.within(self.past, self.seal)

    def run(self) -> int:
        """Do what was asked. Raises errors.Failure, KeyboardInterrupt, SystemExit."""
        store = self.environ.get("AWSASSUME_STORE")
        if store:
            from awsassume import sealed

            record.seal = sealed.Seal(store, self.cache or "")
        found = self._recalled()
        if found:
            code = self._answer(*found)
            if code is not None:
                return code
        from awsassume.turn import Turn

        # Who has started us to give a code waits for us, and may hold this very turn (see process.CALLERS).
        gives_code = "mfa_process of " in self.environ.get("AWSASSUME_CALLERS", "")
        turn = None if self.cache is None or gives_code else Turn(self.cache, self.mark)
        try:
            if turn and self._wait(turn):
                found = self._recalled() or found
                code = self._answer_after_another(*found) if found else None
                if code is not None:
                    return code
            from awsassume import slow

            return slow.run(self, found, turn)
        finally:
            if turn:
                turn.end()

    def _wait(self, turn: "Turn") -> bool:
        """Wait for whoever is doing the same; tell whether there was any."""
        turn.wait(sessions.WAIT_SECONDS)
        if turn.is_busy:
            found = self._recalled()
            if found and found[1].asks:
                turn.wait(sessions.TYPING_SECONDS - sessions.WAIT_SECONDS)
        return turn.waited

    def _answer_after_another(self, request: "Request", target: "Target") -> int | None:
        """Answer from what another process came to while we waited for it. Raises the errors.Failure that it met."""
        code = self._answer(request, target)
        # A code of our own may be the right one.
        if code is None and target.key and not self.environ.get("AWSASSUME_TOKEN_CODE"):
            failure = sessions.failure_since(
                self.cache or "", target.key, self.started, time.time()
            )
            if failure:
                raise failure
        return code

    def _recalled(self) -> "tuple[Request, Target] | None":
        if self.cache is None or not self.mark:
            return None
        try:
            return recall.find(self.cache, self.mark, self.argv)
        except private.UntrustedError as error:
            self.warn(f"not used: {error}")
            return None

    def _answer(self, request: "Request", target: "Target") -> int | None:
        """Answer from what is at hand; ``None`` when it is not."""
        self.request = request
        if request.mode in {"export", "exec"}:
            self.guard(request)
            if target.principal and not self._is_same(target):
                # Neither the session nor the failure of somebody else is ours.
                target.key = ""
                return None
            try:
                session = (
                    sessions.read(self.cache, target.key, target.role_arn)
                    if self.cache and target.key
                    else None
                )
            except private.UntrustedError as error:
                self.warn(f"not used: {error}")
                return None
            if session is None or not session.is_fresh(time.time(), request.min_remaining):
                return None
            if request.verbose:
                self.warn(
                    f"remembered; a session of {target.role} with {session.remaining(time.time()):.0f} s left"
                )
            if target.passed and self.may_ask:
                self.warn(target.passed)
            return self.deliver(request, target, session.credentials)
        return self.plain(request)

    def _is_same(self, target: "Target") -> bool:
        from awsassume import asking

        return asking.is_same(target, self.cache, self.past, self.started)

    def plain(self, request: "Request") -> int:
        """Do a verb that needs neither config nor AWS."""
        if request.mode == "clear":
            self.guard(request)
            if environment.is_withheld(self.shell):
                from awsassume.errors import SourceFailure

                raise SourceFailure(
                    "a command is not given the keys that were there before, so they can't be given back",
                    "to be yourself again, leave the command: exit",
                )
            self.write_code(request, environment.cleared(self.shell))
            return 0
        if request.mode == "version":
            self.write(1, f"awsassume {__version__}\n")
            return 0
        if request.mode == "init":
            from awsassume import shims

            main = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
            command = [sys.executable, "-I", "-S", main]
            self.write(1, shims.script(request.shell or "bash", command))
            return 0
        return self._renew(request)

    def _renew(self, request: "Request") -> int:
        """Take what this shell holds again, with the words it was taken with."""
        from awsassume import renew

        self.held, argv = renew.said(self, request)
        self.may_ask = False
        return self.again(argv, renewing=True)

    def again(self, argv: list[str], *, renewing: bool = False) -> int:
        """Do what other words ask for, now, in place of those that led to them."""
        self._enter(argv, renewing=renewing)
        self.started = time.time()
        return self.run()

    def deliver(self, request: "Request", target: "Target", credentials: "Credentials") -> int:
        """Hand over the credentials: to a shell, to an SDK, or to a command that takes our place.

        Raises errors.ConfigurationFailure where a renewal came to something else than the shell holds.
        """
        self.compare(target)
        renew = f"{target.means}&{target.renew}"
        if request.mode == "exec":
            changes = environment.assumed(
                credentials,
                target.role,
                target.region or None,
                renew,
                self.environ,
                target.settings,
                secrets=False,
            )
            from awsassume import command

            environ = environment.applied(self.environ, changes)
            # It would be the container's role by it.
            environ.pop(environment.CONTAINER_TOKEN, None)
            return command.become(self, request.command, environ)
        if request.format == "process":
            self.write(1, credentials.process_json() + "\n")
            signals.is_over = True
            return 0
        if not self.may_ask and credentials.access_key_id == self.shell.get(environment.KEY):
            return 0
        environ, region = self.shell, target.region or None
        if request.format == "env-no-export":
            # What goes into a file or a container finds another environment there than this one, and no region of ours.
            environ = {}
            region = (
                region or self.past.get("AWS_REGION") or self.past.get("AWS_DEFAULT_REGION") or None
            )
        self.write_code(
            request,
            environment.assumed(
                credentials,
                target.role,
                region,
                renew,
                environ,
                target.settings,
                renewing=bool(self.held),
            ),
        )
        return 0

    def compare(self, target: "Target") -> None:
        """Hold what a renewal comes to against what the shell holds. Raises errors.ConfigurationFailure."""
        if self.held and self.held != target.means:
            from awsassume import renew

            raise renew.refusal(self.held, target)

    def format(self, named: str | None) -> str:
        """Say for whom to write: as told, else as the calling shell reads."""
        if named and named != "process":
            return named
        parent = None if self.calling else shells.parent_executable()
        return shells.detect({"AWSASSUME_SHELL": self.calling}, parent)

    def code_descriptor(self, request: "Request | None") -> int:
        """Say where shell code goes: to the shim, unless a person asked to see it, or for a format by name."""
        if request and (request.format is not None or request.show):
            return 1
        return 1 if self.shim_descriptor is None else self.shim_descriptor

    def guard(self, request: "Request") -> None:
        """Print no secret on a terminal, or into a script's own log, unless told to. Raises errors.UsageFailure."""
        if request.mode == "exec" or request.show:
            return
        descriptor = self.code_descriptor(request)
        place = "on the terminal"
        if not os.isatty(descriptor):
            if descriptor != 1 or request.format is not None or not _is_parent_s_output():
                return
            from awsassume import logs

            if not logs.is_sure():
                return
            place = "into the output of this script"
        from awsassume import terminal

        raise terminal.refusal(self.argv, request, place)

    def write_code(self, request: "Request", changes: environment.Changes) -> None:
        """Write the map as the shell reads it. Raises errors.Failure."""
        self.measure(changes)
        if self._prefixed:
            from awsassume import prefix

            changes = prefix.uncovered(changes, self.shell, self._prefixed)
        changes = {name: value and _as_bytes(value) for name, value in changes.items()}
        after = ""
        if self.is_in_subshell or self.seal:
            after = self._for_the_shell_around(request, changes)
        try:
            text = shells.render(self.format(request.format), changes) + after
        except ValueError as error:
            from awsassume.errors import UsageFailure

            raise UsageFailure(
                f"this shell can't be told: {error}", "give another --format"
            ) from None
        descriptor = self.code_descriptor(request)
        if self._prefixed and descriptor != 1 and self.calling == "bash":
            from awsassume import prefix

            text = prefix.peeling(self._prefixed) + text
        self.write(descriptor, text)
        # Whoever reads us has it all: it is too late for a failure.
        signals.is_over = True

    def _for_the_shell_around(self, request: "Request", changes: environment.Changes) -> str:
        from awsassume import subshell

        if self.code_descriptor(request) == 1:
            return ""
        if self.seal:
            subshell.check(self.past, self.seal)
        return subshell.line(self, request, changes) if self.is_in_subshell else ""

    def measure(self, changes: environment.Changes) -> None:
        """Refuse what would keep every program from being started. Raises errors.ConfigurationFailure."""
        name = environment.too_long(changes)
        if name:
            from awsassume.errors import ConfigurationFailure

            raise ConfigurationFailure(
                f"{name} would be longer than the {environment.MOST_BYTES // 1024} KiB with which a program can be started",
                "unset the longest variable that begins with AWS, or run: awsassume ROLE --credential-process",
            )

    def write(self, descriptor: int, text: str) -> None:
        """Write all of a text. Raises errors.UsageFailure where it can't be, BrokenPipeError when nobody reads any more."""
        rest = memoryview(text.encode("utf-8", "surrogateescape"))
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            from awsassume.errors import UsageFailure

            raise UsageFailure(f"the output can't be written: {error.strerror}") from None

    def warn(self, text: str) -> None:
        """Say something on standard error, once."""
        if text in self._warned:
            return
        self._warned.add(text)
        if self._is_quiet():
            return
        self.say(text)

    def _is_quiet(self) -> bool:
        if self.request is not None:
            return self.request.quiet
        # Nothing has read the words yet; at worst a value that looks like the option keeps a warning back.
        words = self.argv[: self.argv.index("--")] if "--" in self.argv else self.argv
        return "--quiet" in words or "-q" in words

    def say(self, text: str) -> None:
        """Write lines on standard error: UTF-8 whatever the locale, since botocore reads it so, and no control characters."""
        from awsassume import person

        try:
            person.tell(2, "awsassume: " + text.replace("\n", "\n  ") + "\n")
        except OSError:
            pass


def _as_bytes(value: str) -> str:
    """Give a value so that ``write`` writes the very bytes that the environment holds, whatever encoding it was read in."""
    if sys.getfilesystemencoding() == "utf-8":
        return value
    try:
        return os.fsencode(value).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value


def _is_parent_s_output() -> bool:
    """Tell whether our standard output is the very file, pipe or device that is our parent's, where the system says so."""
    try:
        ours, theirs = os.fstat(1), os.stat(f"/proc/{os.getppid()}/fd/1")
    except OSError:
        return False
    return (ours.st_ino, ours.st_dev) == (theirs.st_ino, theirs.st_dev)


def _hold_standard_descriptors() -> None:
    # The first file opened while one of them is closed takes its number, and what is printed goes into that file.
    if None in {sys.stdin, sys.stdout, sys.stderr}:
        for descriptor in range(3):
            try:
                os.fstat(descriptor)
            except OSError:
                os.open(os.devnull, os.O_RDONLY if descriptor else os.O_WRONLY)


def _closed_to_others(named: str) -> int | None:
    """Give the descriptor on which a shim waits for shell code, if one does; what we start does not get it."""
    if not named.isdecimal() or int(named[:4]) <= 2:  # noqa: PLR2004  # the standard three
        return None
    try:
        os.set_inheritable(int(named[:4]), False)  # noqa: FBT003  # os takes it so
    except OSError:
        return None
    return int(named[:4])


def main() -> int:
    """Run the command line of this process and end it with its exit code."""
    signals.environ = dict(os.environ)
    signals.catch()
    try:
        _hold_standard_descriptors()
        program = signals.program = Program(sys.argv[1:], dict(signals.environ))
        if program.argv[:1] == ["--complete"]:
            from awsassume import completion

            program.write(1, "\n".join(completion.answer(program.argv[1:], program.past)))
            code = 0
        else:
            code = program.run()
    except BaseException as error:  # noqa: BLE001  # the last one to hear of it
        code = _settle(signals.program, error)
    _end(code)


def _settle(program: Program | None, error: BaseException) -> int:
    # A second Ctrl-C would stop us from saying what the first did.
    signals.is_over = True
    from awsassume import outcome

    return outcome.settle(program or Program(sys.argv[1:], dict(signals.environ)), error)


def _end(code: int) -> "NoReturn":
    signals.is_over = True
    if "awsassume.slow" in sys.modules:
        import atexit

        # Others may have something to put away, or to say.
        atexit._run_exitfuncs()  # noqa: SLF001  # Python's own end does no more
        _flush()
    # To take the interpreter apart costs a sixth of a hit, and a tenth of a first call.
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            # Closed, or nobody reads it any more.
            continue
