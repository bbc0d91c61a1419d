"""A call in a subshell, as in ``eval "$(awsassume ROLE)"``: what it leaves for the shell around it, which makes it again.

The shell's function names the subshell in AWSASSUME_SUBSHELL: ``1:`` asks for the line that makes the call again there,
``:SEAL`` is that call. The seal holds the variables of the subshell that name a source, and a checksum of all that decides
who one is, so that the second call takes no other role than the first. No secret is in it.
"""

import os
import zlib

from awsassume import environment, shells
from awsassume.errors import ConfigurationFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.program import Program
    from awsassume.request import Request

NAME = "AWSASSUME_SUBSHELL"

_AGAIN = "__awsassume_again"
_CARRIED = (
    *environment.PROFILES,
    *environment.REGIONS,
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)
# A code is good once, and is no part of who one is.
_PASSING = "AWSASSUME_TOKEN_CODE"


def line(program: "Program", request: "Request", changes: environment.Changes) -> str:
    """Give the line that makes again the call that came to ``changes``, but for what is good once."""
    if request.mode == "clear":
        words = ["--clear"]
    elif not program.may_ask:
        words = ["--renew"]
    else:
        renew = (changes.get(environment.RENEW) or "").partition("&")[2]
        words = [environment.decode(word) for word in renew.split(" ")]
    if request.quiet:
        words.insert(0, "--quiet")
    quoted = [
        shells.posix(word).replace("\n", "'$'\\n''") for word in (_seal(program.past), *words)
    ]
    return " ".join([_AGAIN, *quoted]) + "\n"


def within(past: dict[str, str], seal: str) -> dict[str, str]:
    """Give an environment with the variables that name a source as they are in a seal."""
    result = {name: value for name, value in past.items() if name not in _CARRIED}
    for item in seal.split("&")[1:]:
        name, _, value = item.partition("=")
        if name in _CARRIED:
            result[name] = environment.decode(value)
    return result


def check(past: dict[str, str], seal: str) -> None:
    """Raise ConfigurationFailure unless an environment is the one that a seal is of."""
    if seal != _seal(past):
        raise ConfigurationFailure(
            "the environment inside $(…) was another than this shell's, so that this may be another role",
            "run awsassume by itself, without eval: the function changes the shell",
        )


def _seal(past: dict[str, str]) -> str:
    kept = sorted(
        f"{name}={value}"
        for name, value in past.items()
        if (name.startswith("AWS") and name != _PASSING) or name == "HOME"
    )
    checksum = zlib.crc32(os.fsencode("\0".join(kept)))
    carried = [f"{name}={environment.encode(past[name])}" for name in _CARRIED if name in past]
    return "&".join([str(checksum), *carried])
