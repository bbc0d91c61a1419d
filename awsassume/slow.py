"""The slow way, taken when nothing is remembered: parse, plan, call, remember."""

import os
import signal
import sys

from awsassume import memory, private, recall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.assume import Assumer
    from awsassume.plan import Plan
    from awsassume.program import Program
    from awsassume.recall import Target
    from awsassume.request import Request
    from awsassume.turn import Turn

# Each other verb is a module with run(program, request) -> exit code, imported only for it.
VERBS: dict[str, str] = {
    "console": "console",
    "explain": "explain",
    "list": "listing",
    "login": "login",
    "pick": "picker",
    "print-profile": "stanza",
    "purge": "purge",
    "serve": "serve",
    "whoami": "whoami",
}


def run(program: "Program", found: "tuple[Request, Target] | None", turn: "Turn | None") -> int:
    """Do what the words ask for; ``found`` is what they were last found to mean, its session gone stale."""
    bring_in_site()
    request = found[0] if found and not found[1].partial else understand(program)
    program.request = request
    if request.mode != "exec" and program.shim_descriptor is not None:
        # A shell that waits for a stopped process to say what to do would wait for ever.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    if request.mode not in {"export", "exec"}:
        if turn:
            turn.end()
        return _other(program, request)
    program.guard(request)
    if turn and not request.may_be_remembered:
        turn.end()
    return _assume(program, request)


def understand(program: "Program") -> "Request":
    """Have Typer read the words. Raises UsageFailure, and SystemExit after it printed the help."""
    from awsassume import cli

    request = cli.parse(program.argv)
    if request.chain != program.chain:
        # The word stood where it is another option's value.
        program.take_past(chain=request.chain, renewing=not program.may_ask)
        program.mark = ""
    return request


def _other(program: "Program", request: "Request") -> int:
    if request.mode in VERBS:
        from importlib import import_module

        take_environment(program.past)
        return int(import_module(f"awsassume.{VERBS[request.mode]}").run(program, request))
    _remember(program, request, recall.Target(), memory.Files())
    return program.plain(request)


def _assume(program: "Program", request: "Request") -> int:
    assumer, plan = planned(program, request)
    if plan.hops:
        # Before AWS is asked for what nobody would take.
        program.compare(plan.target)
    key = plan.target.key
    session = assumer.obtain(plan)
    means = plan.target.means
    if request.mode == "export" and request.format != "process":
        from awsassume import renew

        renew.name_owner(assumer, plan, session.credentials)
    if (plan.target.key, plan.target.means) != (key, means):
        _remember(program, request, plan.target, plan.files)
    if program.cache is not None and not request.no_cache and memory.may_be_written(request):
        from awsassume import recent

        step = plan.hops[0].step if plan.hops else None
        recent.note(
            program.cache,
            plan.target.role,
            plan.target.renew,
            step.role_arn if step else "",
            is_profile=step is None or step.profile is not None,
        )
    return program.deliver(request, plan.target, session.credentials)


def planned(program: "Program", request: "Request") -> "tuple[Assumer, Plan]":
    """Work out what a request means, and remember it. Raises Failure."""
    take_environment(program.past)
    assumer = assumer_for(program, request)
    plan = assumer.plan()
    if plan.target.key:
        _remember(program, request, plan.target, plan.files)
    return assumer, plan


def assumer_for(program: "Program", request: "Request") -> "Assumer":
    """Make the one that gets sessions, for this run. The environment must have been taken."""
    from awsassume import spinner
    from awsassume.assume import Assumer

    def tell(text: str) -> None:
        if request.verbose:
            program.say(text)

    return Assumer(
        request,
        program.past,
        program.cache,
        tell=tell,
        warn=program.warn,
        may_ask=program.may_ask,
        started=program.started,
        waiting=spinner.waiting(program, request),
    )


def _remember(
    program: "Program", request: "Request", target: "Target", files: memory.Files
) -> None:
    if program.cache is None or not program.mark:
        return
    try:
        memory.remember(program.cache, program.mark, program.argv, request, target, files)
    except (OSError, ValueError, private.UntrustedError):
        # The session's own place says what is wrong with it.
        return


def take_environment(past: dict[str, str]) -> None:
    """Make the environment of this process what it was before awsassume touched it: botocore reads it by itself."""
    os.environ.clear()
    # The AWS CLI gives its own to those it starts, and botocore would read it as the user's.
    os.environ.update({name: value for name, value in past.items() if name != "AWS_DATA_PATH"})


def bring_in_site() -> None:
    """Find the installed packages, when Python was started without them (-S)."""
    if not sys.flags.no_site or "site" in sys.modules:
        return
    import site

    here = sys.path.pop(0)
    site.main()
    if here not in sys.path:
        sys.path.append(here)
