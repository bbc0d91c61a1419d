"""The end of a run that did not go well: what to say, what a shell must read, and the exit code."""

import os
import signal
import traceback

from awsassume import person, shells
from awsassume.errors import Failure
from awsassume.program import EVAL_MODES, Program, signals

# What these print is for people, scripts and config files, even where the command line can't be read.
_SPEAKING = frozenset(("--whoami", "--list", "--explain", "--print-profile", "--purge"))


def settle(program: Program, error: BaseException) -> int:
    """Say what went wrong, make the shell that reads us fail too, and give the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0
    if isinstance(error, BrokenPipeError):
        # Whoever read us has gone; there is nobody left to tell. Python's own flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    if isinstance(error, KeyboardInterrupt):
        number = signals.number or signal.SIGINT
        code = 128 + number
        by = "" if number == signal.SIGINT else f" by {_name(number)}"
        program.say(f"interrupted{by}; nothing was changed")
    elif isinstance(error, Failure):
        code = error.exit_code
        # At a prompt there is room for a line.
        between = "\n" if program.may_ask else "; "
        # Only a hint has lines of its own.
        message = person.plain(error.message)
        program.say(f"{message}{between}{error.hint}" if error.hint else message)
    else:
        code = 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        program.say(
            f"this is a bug: {type(error).__name__} at {place}\nrun it again with AWSASSUME_DEBUG=1, and report what it says"
        )
    if program.environ.get("AWSASSUME_DEBUG") == "1":
        _trace(program, error)
    try:
        _fail_the_shell(program)
    except (OSError, Failure):
        pass
    return code


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _fail_the_shell(program: Program) -> None:
    # eval "$(awsassume …)" is 0 when awsassume fails and prints nothing.
    request = program.request
    if request is None:
        if "--" in program.argv or not _SPEAKING.isdisjoint(program.argv):
            return
        named = _format_word(program.argv)
    elif request.mode not in EVAL_MODES:
        return
    else:
        named = request.format
    if named == "process":
        return
    descriptor = program.code_descriptor(request)
    if not os.isatty(descriptor):
        program.write(descriptor, shells.failure(program.format(named)))


def _format_word(argv: list[str]) -> str | None:
    """Find the format in words that Typer could not read."""
    for index, word in enumerate(argv):
        if word == "--credential-process":
            return "process"
        found = None
        if word in {"--format", "-f"}:
            found = argv[index + 1 : index + 2]
        elif word.startswith(("--format=", "-f")):
            found = [word.removeprefix("--format=").removeprefix("-f")]
        if found and found[0] in {*shells.FORMATS, "process"}:
            return found[0]
    return None


def _trace(program: Program, error: BaseException) -> None:
    """Show where it happened: places and kinds. The messages of others may hold what AWS answered, secrets and all."""
    lines = ["where it happened:"]
    following: BaseException | None = error
    while following is not None:
        lines += [
            f"{frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(following.__traceback__)
        ]
        said = f": {following.message}" if isinstance(following, Failure) else ""
        lines.append(f"{type(following).__name__}{said}")
        following = following.__cause__ or following.__context__
    program.say("\n".join(lines))
