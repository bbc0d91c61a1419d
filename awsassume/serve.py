"""Runs a command with an endpoint beside it that gives it credentials of a role, renewed for as long as it runs.

The endpoint is that of a container: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html.
COMMAND takes this process's place, so that its exit code, its signals and the terminal are its own; the endpoint is a
process of its own, out of its session, that ends when COMMAND does.
"""

import contextlib
import gc
import os
import secrets
import select
import shutil
import signal
import time

from awsassume import command, environment, loopback, renewal, served, slow
from awsassume.config import Config, Profile
from awsassume.endpoint import PATH, Endpoint
from awsassume.errors import UsageFailure
from awsassume.renewal import Keeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.plan import Plan
    from awsassume.program import Program
    from awsassume.request import Request

# A laptop that slept finds its clock ahead, and no timer says so.
_LONGEST_SLEEP_SECONDS = 30.0
_POLL_SECONDS = 1.0


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
            f"run: awsassume {request.role} -- COMMAND",
        )
    keeper = Keeper(session, renewal.Renewer(program, request, plan), request.min_remaining)
    token = secrets.token_urlsafe(32)
    listener = loopback.listen()
    url = f"http://{loopback.ADDRESS}:{listener.getsockname()[1]}{PATH}"
    folder = _config_without_default(assumer.config, program.past, plan)
    environ = served.inside(
        program.environ,
        url,
        token,
        plan.target.region or None,
        f"{folder}/config" if folder else None,
        plan.target.settings,
    )
    if request.verbose:
        program.say(f"credentials of {plan.target.role} are at {url}")
    _start(Endpoint(listener, token, keeper), keeper, folder, verbose=request.verbose)
    listener.close()
    return command.become(program, request.command, environ)


def _config_without_default(config: Config, environ: dict[str, str], plan: "Plan") -> str | None:
    """Give a folder with a config file in which a profile without credentials stands, where the SDKs need to be told of one.

    SDKs ask the profile that is named, or default, before the endpoint. Where default has credentials they would take
    those, so we name a profile that has none; what else default says (output, endpoints) it says too.
    """
    default = config.section("default")
    if default is None or not _has_credentials(default):
        return None
    import tempfile

    lines = [
        f"{key} = {value}"
        for key, value in default.values.items()
        if isinstance(value, str) and key in _SETTINGS and "\n" not in value
    ]
    if plan.target.region:
        lines = [line for line in lines if not line.startswith("region ")]
        lines.append(f"region = {plan.target.region}")
    try:
        with open(config.config_file, "rb") as file:
            content = file.read()
    except OSError:
        content = b""
    # In memory where there is such a place, and gone with the login.
    place = environ.get("XDG_RUNTIME_DIR", "")
    place = place if os.access(place, os.W_OK) else ""
    folder = tempfile.mkdtemp(prefix="awsassume-", dir=place or None)
    section = "\n".join(["", f"[profile {environment.SERVE_PROFILE}]", *lines, ""]).encode()
    descriptor = os.open(f"{folder}/config", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content + section)
    return folder


_SETTINGS = frozenset(
    (
        "ca_bundle",
        "cli_pager",
        "defaults_mode",
        "endpoint_url",
        "ignore_configured_endpoint_urls",
        "max_attempts",
        "output",
        "region",
        "retry_mode",
        "services",
        "sts_regional_endpoints",
        "use_dualstack_endpoint",
        "use_fips_endpoint",
    )
)


def _has_credentials(profile: Profile) -> bool:
    return profile.has_own_credentials or "role_arn" in profile.values


def _start(endpoint: Endpoint, keeper: Keeper, folder: str | None, *, verbose: bool) -> None:
    """Start the endpoint's process, which is nobody's child: COMMAND may wait for all of its own."""
    command = os.getpid()
    watch = -1
    with contextlib.suppress(OSError, AttributeError):
        watch = os.pidfd_open(command)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        if watch >= 0:
            os.close(watch)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            _detach([endpoint.fileno(), watch, *keeper.descriptors], verbose=verbose)
            gc.enable()
            endpoint.start()
            _keep(keeper, command, watch)
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        # Neither the exit handlers nor the buffers of the process that this was forked from are ours.
        os._exit(0)


def _detach(keep: list[int], *, verbose: bool) -> None:
    """Let go of COMMAND's terminal and pipes, so that nobody waits for their end because of us."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1) if verbose else (0, 1, 2):
        os.dup2(nowhere, descriptor)
    last = 2
    for descriptor in sorted(descriptor for descriptor in keep if descriptor > 2):  # noqa: PLR2004  # the standard three
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, max(last + 2, 4096))


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
        if keeper.wakes in ready:
            keeper.woken()
        if keeper.wakes in ready or keeper.due() <= time.time():
            keeper.attempt()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True
