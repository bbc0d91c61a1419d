"""A credential_process, or an mfa_process: who may start it; and how the one is asked who it gives without all of botocore.

As botocore's ProcessProvider (botocore/credentials.py) starts and reads it. Whatever is not as it should be is left to that
provider, which is handed what was printed, so that nothing is started twice.
"""

import os
import subprocess

from awsassume import environment
from awsassume.credentials import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Set for the processes that are started for us: the profiles whose credential_process is being asked, and the devices whose
# mfa_process is.
CALLERS = "AWSASSUME_CALLERS"
_DEEPEST = 8
_OF_DEVICE = "mfa_process of "

_ended: "dict[tuple[str, ...], Ended]" = {}


class Ended:
    """What a process that has ended printed, and its exit code; in the manner of ``subprocess.Popen``."""

    def __init__(self, stdout: bytes, stderr: bytes, returncode: int) -> None:
        self._printed = (stdout, stderr)
        self.returncode = returncode

    def communicate(self) -> tuple[bytes, bytes]:
        """Give what it printed."""
        return self._printed


def popen(words: "Sequence[str]", *, stdout: int, stderr: int) -> "Ended | subprocess.Popen[bytes]":
    """Start a process, unless it was started a moment ago: then give how that ended, once."""
    ended = _ended.pop(tuple(words), None)
    return ended or subprocess.Popen(words, stdout=stdout, stderr=stderr)


def located(name: str, line: str, paths: "Sequence[str]") -> str:
    """Write down where in these files a profile's process stands, to be run at another time; ``""`` where that can't be said.

    The line itself may hold a secret, and is copied nowhere.
    """
    data = line.encode()
    for path in paths:
        try:
            with open(path, "rb") as file:
                start = file.read().find(data)
        except OSError:
            continue
        if start >= 0:
            place = (environment.encode(name), environment.encode(path), str(start), str(len(data)))
            return " ".join((*place, _digest(data)))
    return ""


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.blake2b(data, digest_size=20).hexdigest()


def _words(place: str) -> tuple[str, list[str]]:
    """Read the profile's name and the words of what was ``located``. Raises OSError or ValueError."""
    import shlex

    name, path, start, length, digest = place.split(" ")
    with open(environment.decode(path), "rb") as file:
        file.seek(int(start))
        line = file.read(int(length))
    if _digest(line) != digest:
        # The file was changed a moment ago, and part of another line must never be run.
        msg = "it stands there no longer"
        raise ValueError(msg)
    return environment.decode(name), shlex.split(line.decode())


def principal(place: str, environ: "Mapping[str, str]") -> str:
    """Run what was ``located``; give whom it answers for, as ``Credentials.principal``. Raises OSError or ValueError."""
    import json

    name, words = _words(place)
    environ = {**environ, CALLERS: "\n".join([*callers(environ), name])}
    # The AWS CLI gives its own to those it starts.
    environ.pop("AWS_DATA_PATH", None)
    ended = _ended.get(tuple(words))
    if ended is None:
        done = subprocess.run(words, env=environ, capture_output=True, check=False)
        ended = _ended[tuple(words)] = Ended(done.stdout, done.stderr, done.returncode)
    if ended.returncode:
        msg = "it failed"
        raise ValueError(msg)
    try:
        said = json.loads(ended.communicate()[0].decode())
        if said["Version"] != 1:
            msg = "it is of another version"
            raise ValueError(msg)
        found = Credentials(
            said["AccessKeyId"], said["SecretAccessKey"], said.get("SessionToken") or None
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(error) from None
    return found.principal


def callers(environ: "Mapping[str, str]") -> list[str]:
    """Give the profiles whose processes we were started by, the outermost first."""
    return [caller for caller in environ.get(CALLERS, "").split("\n") if caller]


def gives_code(environ: "Mapping[str, str]") -> bool:
    """Tell whether an mfa_process has started us: who waits for its code waits for us."""
    return _OF_DEVICE in environ.get(CALLERS, "")


def refuse_loop(name: str, environ: "Mapping[str, str]") -> None:
    """Raise ConfigurationFailure when we were started, however deep, to answer for this very profile."""
    from awsassume.errors import ConfigurationFailure

    above = callers(environ)
    if name in above or len(above) >= _DEEPEST:
        path = " → ".join([*above, name])
        if name.startswith(_OF_DEVICE):
            raise ConfigurationFailure(
                f"mfa_process goes in a loop: {path}",
                "what gives a code can't need one of the same device; give it: --token-code CODE",
            )
        raise ConfigurationFailure(
            f"credential_process goes in a loop: {path}", "give another source: --profile NAME"
        )


def refuse_device(serial: str, environ: "Mapping[str, str]") -> None:
    """Raise ConfigurationFailure when we were started, however deep, to give a code of this very device."""
    refuse_loop(_OF_DEVICE + serial, environ)


def for_device(serial: str, environ: "Mapping[str, str]") -> dict[str, str]:
    """Give the environment of an mfa_process, with word of its device. Raises ConfigurationFailure."""
    refuse_device(serial, environ)
    return {**environ, CALLERS: "\n".join([*callers(environ), _OF_DEVICE + serial])}


def enter(name: str) -> None:
    """Leave word in the environment of the process that this profile's credential_process is being asked."""
    refuse_loop(name, os.environ)
    os.environ[CALLERS] = "\n".join([*callers(os.environ), name])
