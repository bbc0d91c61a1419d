"""The end of a run that did not go well: what to say, what a shell must read, and the exit code."""

import os
import sys
import traceback

from awsassume import shells
from awsassume.errors import Failure
from awsassume.program import EVAL_MODES, INTERRUPTED, Program


def settle(program: Program, error: BaseException) -> int:
    """Say what went wrong, make the shell that reads us fail too, and give the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0
    if isinstance(error, BrokenPipeError):
        # Whoever read us has gone; there is nobody left to tell. Python's own flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    if isinstance(error, KeyboardInterrupt):
        code = INTERRUPTED
        program.say("interrupted; nothing was changed")
    elif isinstance(error, Failure):
        code = error.exit_code
        # At a prompt there is room for a line.
        between = "\n" if program.may_ask else "; "
        program.say(f"{error.message}{between}{error.hint}" if error.hint else error.message)
    else:
        code = 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        program.say(
            f"this is a bug: {type(error).__name__} at {place}\nrun it again with AWSASSUME_DEBUG=1, and report what it says"
        )
    if program.environ.get("AWSASSUME_DEBUG") == "1":
        _trace(error)
    try:
        _fail_the_shell(program)
    except OSError:
        pass
    return code


def _fail_the_shell(program: Program) -> None:
    # eval "$(awsassume …)" is 0 when awsassume fails and prints nothing.
    request = program.request
    if request is None:
        if "--" in program.argv or any(word.endswith("process") for word in program.argv):
            return
    elif request.mode not in EVAL_MODES or request.format == "process":
        return
    descriptor = program.code_descriptor(request)
    if not os.isatty(descriptor):
        program.write(descriptor, shells.failure(program.format(request)))


def _trace(error: BaseException) -> None:
    """Show where it happened: places and kinds. The messages of others may hold what AWS answered, secrets and all."""
    while True:
        for frame in traceback.extract_tb(error.__traceback__):
            sys.stderr.write(f"  {frame.filename}:{frame.lineno} in {frame.name}\n")
        sys.stderr.write(
            f"{type(error).__name__}{': ' + error.message if isinstance(error, Failure) else ''}\n"
        )
        following = error.__cause__ or error.__context__
        if following is None:
            break
        error = following
