"""--print-profile: the profile by which every AWS SDK asks awsassume for a role."""

import os
import re
import sys

from awsassume import environment, launcher, spelling, words
from awsassume.config import Config
from awsassume.errors import ConfigurationFailure, UsageFailure
from awsassume.parameters import ARN
from awsassume.plan import Plan, Planner, role_form
from awsassume.program import Program
from awsassume.request import Request

# botocore splits the line as shlex does, others hand it to sh, and each reads its config file by rules of its own: these
# characters mean themselves to all of them.
_WORD = re.compile(r"[A-Za-z0-9._/:@=+,-]+")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_.@+-]")
_ONCE = ("token_code", "refresh", "show", "format")


def run(program: Program, request: Request) -> int:
    """Print the stanza. Raises UsageFailure or ConfigurationFailure for what can't be written so that all read it alike."""
    for field in _ONCE:
        if getattr(request, field):
            option = "--" + field.replace("_", "-")
            raise UsageFailure(
                f"{option} happens once, and a profile asks many times", f"leave {option} out"
            )
    # A profile is for every shell, whatever region this one has.
    found = Config(
        {name: value for name, value in program.past.items() if name not in environment.REGIONS}
    )
    _pin_source(program, request, found)
    target = _checked(request, found).target
    region = target.region
    if target.passed:
        program.warn(target.passed)
    main = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    line = [sys.executable, "-I", "-S", main, *words.renewal(request), "--credential-process"]
    for word in line:
        _check(word)
    role = request.role or ""
    stanza = [f"[profile {_name(role, found)}]", f"credential_process = {' '.join(line)}"]
    if region:
        _check(region)
        stanza.append(f"region = {region}")
    program.write(1, "\n".join(stanza) + "\n")
    if os.isatty(1):
        program.warn(f"paste it into {found.config_file}")
    return 0


def _checked(request: Request, found: Config) -> Plan:
    """Plan as if it were asked for, short of any call: what AWS would refuse of it is refused now."""
    planner = Planner(request, found)
    profile = planner.profile()
    if profile is None:
        form, role = role_form(request, found)
        account, _, name = role.rpartition(":")
        arn = role if form == "arn" else f"arn:aws:iam::{account or '0' * 12}:role/{name}"
        return planner.for_arn(arn, role, planner.source_chain())
    if not profile.role_arn:
        raise UsageFailure(
            f'profile "{profile.name}" has credentials of its own: SDKs read them without awsassume',
            f"use it as it is: AWS_PROFILE={spelling.command([profile.name])}",
        )
    return planner.for_profile(profile)


def _pin_source(program: Program, request: Request, found: Config) -> None:
    """Name the source that holds now: an SDK that asks us later may stand in another environment."""
    role = request.role or ""
    profile = None if role.startswith("arn:") else found.find(role)
    if request.profile is not None or (
        profile and (profile.get("source_profile") or profile.get("credential_source"))
    ):
        return
    environ = program.past
    if environ.get("AWS_ACCESS_KEY_ID"):
        program.warn(
            "the source is now the keys in the environment, and they will have to be there whenever an SDK asks;\n"
            "to name another: --profile NAME"
        )
        return
    named = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
    source = found.profile(named, "AWS_PROFILE") if named else None
    if source and source.name != request.role and not source.calls_us:
        request.profile = source.name


def _check(word: str) -> None:
    if _WORD.fullmatch(word):
        return
    bad = next((char for char in word if not _WORD.fullmatch(char)), "")
    shown = "a blank" if bad == " " else "nothing" if not bad else repr(bad)
    if word == sys.executable or word.endswith("__main__.py"):
        raise ConfigurationFailure(
            f"awsassume is installed at {word}: SDKs do not all read {shown} in credential_process alike",
            "install it under a path without it",
        )
    if word.lstrip().startswith("{"):
        raise UsageFailure(
            "SDKs do not all read JSON in credential_process alike",
            "put it into a file: --policy FILE",
        )
    raise UsageFailure(
        f'"{word}" can\'t stand in credential_process: SDKs do not all read {shown} alike',
        "put the setting into a profile with role_arn, under a plain name, and print that",
    )


def _name(role: str, found: Config) -> str:
    """Name the profile after its role; a profile of that name that is not ours keeps it."""
    match = ARN.fullmatch(role)
    name = match[4] if match else role.rpartition(":")[2].rpartition("/")[2]
    name = _NOT_IN_NAME.sub("-", name)
    taken = found.find(name)
    if taken and not (taken.calls_us and not taken.role_arn):
        name = f"{name}-{launcher.PROGRAM}"
    return name
