"""Runs a command with an endpoint beside it that gives it credentials of a role, renewed for as long as it runs.

The endpoint is that of a container: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html.
COMMAND takes this process's place, so that its exit code, its signals and the terminal are its own; the endpoint is a
process of its own, out of its session, that ends when COMMAND and all that it has left behind do.
"""

import contextlib
import gc
import os
import secrets
import select
import signal
import time
from tempfile import gettempdir

from awsassume import (
    command,
    environment,
    heirs,
    loopback,
    renewal,
    served,
    slow,
    spelling,
    stand_in,
)
from awsassume.endpoint import PATH, Endpoint
from awsassume.errors import ConfigurationFailure, UsageFailure
from awsassume.renewal import Keeper
from awsassume.stand_in import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.program import Program
    from awsassume.request import Request

# A laptop that slept finds its clock ahead, and no timer says so.
_LONGEST_SLEEP_SECONDS = 30.0
_POLL_SECONDS = 1.0
_FIRST_LOOK_SECONDS = 0.5


def run(program: "Program", request: "Request") -> int:
    """Get the first session, start the endpoint, and become COMMAND. Raises Failure."""
    if not hasattr(os, "fork"):
        raise UsageFailure("--serve needs a system with fork()")
    assumer = slow.assumer_for(program, request)
    plan = assumer.plan()
    session = assumer.obtain(plan)
    if session.credentials.expiration is None or session.credentials.session_token is None:
        raise UsageFailure(
            f'"{request.role}" has long-term keys, which need no renewing',
            f"run: {spelling.command(['awsassume', request.role or 'ROLE'])} -- COMMAND",
        )
    keeper = Keeper(session, renewal.Renewer(program, request, plan), request.min_remaining)
    token = secrets.token_urlsafe(32)
    listener = loopback.listen()
    url = f"http://{loopback.ADDRESS}:{listener.getsockname()[1]}{PATH}"
    said = stand_in.texts(assumer.config, plan.target.region)
    endpoint = Endpoint(listener, token, keeper)
    config_file = _start(endpoint, Place(said) if said else None, verbose=request.verbose)
    listener.close()
    environ = served.inside(
        program.environ,
        url,
        token,
        plan.target.region or None,
        config_file,
        plan.target.settings,
    )
    if request.verbose:
        program.say(f"credentials of {plan.target.role} are at {url}")
        if config_file:
            program.say(f"COMMAND reads its config from {config_file}, which can't be written")
    return command.become(program, request.command, environ)


def _start(endpoint: Endpoint, place: Place | None, *, verbose: bool) -> str | None:
    """Start the endpoint's process, which is nobody's child: COMMAND may wait for all of its own.

    Gives the path of the config file that it holds, if there is one to hold. Raises ConfigurationFailure.
    """
    command = os.getpid()
    watch = -1
    with contextlib.suppress(OSError, AttributeError):
        watch = os.pidfd_open(command)
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        os.waitpid(child, 0)
        with open(reading, "rb") as answer:
            said = answer.read()
        if watch >= 0:
            os.close(watch)
        if not said:
            raise ConfigurationFailure(
                "the config file that COMMAND is to read can't be made", f"check {gettempdir()}"
            )
        return os.fsdecode(said[1:]) or None
    try:
        os.setsid()
        if os.fork() == 0:
            keeper = endpoint.keeper
            _detach([endpoint.fileno(), watch, writing, *keeper.descriptors], verbose=verbose)
            gc.enable()
            try:
                path = place.put() if place else ""
                os.write(writing, b"." + os.fsencode(path))
                os.close(writing)
                endpoint.start()
                _keep(keeper, command, watch)
                _linger(keeper, f"{environment.CONTAINER_TOKEN}={endpoint.token}")
            finally:
                if place:
                    place.remove()
    finally:
        # Neither the exit handlers nor the buffers of the process that this was forked from are ours.
        os._exit(0)


def _detach(keep: list[int], *, verbose: bool) -> None:
    """Let go of COMMAND's terminal and pipes, so that nobody waits for their end because of us."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1) if verbose else (0, 1, 2):
        os.dup2(nowhere, descriptor)
    last = 2
    for descriptor in sorted(descriptor for descriptor in keep if descriptor > 2):  # noqa: PLR2004  # the standard three
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, max(last + 2, 4096))


def _end(*_: object) -> None:
    raise SystemExit


def _keep(keeper: Keeper, command: int, watch: int) -> None:
    """Renew when it is time, or when somebody asks in need, until the command has ended."""
    poll = select.poll()
    if watch >= 0:
        poll.register(watch, select.POLLIN)
    poll.register(keeper.wakes, select.POLLIN)
    longest = _LONGEST_SLEEP_SECONDS if watch >= 0 else _POLL_SECONDS
    while True:
        seconds = min(max(0.0, keeper.due() - time.time()), longest)
        ready = {descriptor for descriptor, _ in poll.poll(int(seconds * 1000) + 1)}
        if watch in ready or (watch < 0 and not _is_alive(command)):
            return
        is_needed = keeper.wakes in ready and keeper.woken()
        if is_needed or keeper.due() <= time.time():
            keeper.attempt()


def _linger(keeper: Keeper, word: str) -> None:
    """Serve what the command has left behind, for as long as any process has this word in its environment.

    AWS is asked only when one of them asks us: a forgotten server of a terminal must not renew a role for months.
    """
    poll = select.poll()
    poll.register(keeper.wakes, select.POLLIN)
    pause = _FIRST_LOOK_SECONDS
    while heirs.are_there(word) or heirs.are_there(word):
        until = time.monotonic() + pause
        pause = min(2 * pause, _LONGEST_SLEEP_SECONDS)
        while (seconds := until - time.monotonic()) > 0:
            if poll.poll(int(seconds * 1000) + 1) and keeper.woken():
                keeper.attempt()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True
