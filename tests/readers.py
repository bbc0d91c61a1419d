"""The readers of our own files and variables, fed with anything: none may raise but what it says it raises.

`python -m tests.readers` feeds them by coverage with atheris where that is installed, else with 50,000 examples of hypothesis.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from importlib import import_module
from typing import TYPE_CHECKING

from awsassume import environment, folders, recall, record, sessions
from awsassume.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = 50_000


def read_record(data: bytes) -> None:
    """Read bytes as a file of ours; what is read is written as it was."""
    pairs = record.load(data)
    if pairs is not None:
        assert record.dump(pairs) == data


def signed(data: bytes) -> bytes:
    """Give bytes the first line of a file of ours, so that what is behind it is looked at."""
    return record._HEAD + record.checksum(data).encode() + b"\n" + data


def with_file(folder: str, name: str, data: bytes, then: Callable[[str], object]) -> None:
    """Put a file into a cache, and read it there."""
    cache = _cache()
    folders.make(f"{cache}/{folder}")
    with open(f"{cache}/{folder}/{name}", "wb", opener=_private) as file:
        file.write(data)
    then(cache)


def read_session(data: bytes) -> None:
    """Read bytes as a session, behind the place that it must begin with."""

    def then(cache: str) -> None:
        found = sessions.read(cache, "session")
        if found is not None:
            found.is_fresh(time.time())
            found.remaining(0)
            repr(found.credentials.access_key_id)

    for text in (data, signed(b"place\0sessions/session\0" + data)):
        with_file(sessions.FOLDER, "session", text, then)


def read_failure(data: bytes) -> None:
    """Read bytes as word of a failure."""
    with_file(
        sessions.FOLDER,
        "session.failed",
        data,
        lambda cache: sessions.failure_since(cache, "session", 0, time.time()),
    )


def read_recall(data: bytes) -> None:
    """Read bytes as what a command line came to, behind the place that it must begin with."""
    pairs = b"place\0recall/mark\0" + data
    for text in (data, signed(pairs)):
        with_file(
            recall.FOLDER, "mark", text, lambda cache: recall.find(cache, "mark", ["r", "--", "c"])
        )


def read_memory(data: bytes) -> None:
    """Read bytes as our variables; what comes out is an environment that a process can have."""
    text = os.fsdecode(data.replace(b"\0", b""))
    with contextlib.suppress(ValueError):
        assert "\0" not in environment.decode(text)
    for key in ("", "ASIA1"):
        environ = {
            "AWS_ACCESS_KEY_ID": key,
            "AWSASSUME_SAVED": f"ASIA1:{text}",
            "AWSASSUME_EXPIRATION": text[:20],
            "PATH": "/bin",
        }
        for past in (environment.before(environ), environment.cleared(environ)):
            assert not any("\0" in (value or "") for value in past.values())
        assert environment.before(environ)["PATH"] == "/bin"


def read_request(data: bytes) -> None:
    """Read bytes as the pairs of a request."""
    texts = data.decode("utf-8", "surrogateescape").split("\0")
    with contextlib.suppress(ValueError):
        request = Request.from_pairs(list(zip(texts[::2], texts[1::2], strict=False)))
        assert Request.from_pairs(request.pairs()) == request


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_places: list[tempfile.TemporaryDirectory[str]] = []


def _cache() -> str:
    if not _places:
        _places.append(tempfile.TemporaryDirectory(prefix="awsassume-"))
        os.chmod(_places[0].name, 0o700)
    return _places[0].name


def _signed(reader: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        reader(data)
        reader(signed(data))

    read.__doc__ = reader.__doc__
    return read


READERS: dict[str, Callable[[bytes], None]] = {
    "record": _signed(read_record),
    "session": _signed(read_session),
    "failure": _signed(read_failure),
    "recall": read_recall,
    "memory": read_memory,
    "request": read_request,
}
WORDS = [
    b"access_key_id\0ASIA1\0secret_access_key\0s\0expiration\x004000000000\0issued\x001\0uptime\0a 1",
    b"exit_code\x005\0message\0m\0hint\0h\0code\0c\0time\x001.5",
    b"request mode\0export\0request role\0r\0request duration\x00900\0target key\0k\0file /x\0\0cwd\0/",
    b"t:eu-west-1&AWS_PROFILE=a%20b&AWS_REGION=%C3%BC&AWS_SESSION_TOKEN=",
    b"mode\0exec\0command\0a\0command\0b\0refresh\0\0duration\x0012",
]
"""Where a search may begin: what such files and variables hold."""


def by_coverage(name: str) -> None:
    """Feed one reader with what leads to code not yet reached. Does not return."""
    atheris = import_module("atheris")

    # Ours are imported once more, to be looked into; the standard library is left as quick as it is.
    for module in [module for module in sys.modules if module.partition(".")[0] == "awsassume"]:
        del sys.modules[module]
    with atheris.instrument_imports(include=["awsassume"]):
        for module in ("environment", "errors", "private", "recall", "record", "sessions"):
            globals()[module] = import_module(f"awsassume.{module}")
        globals()["Request"] = import_module("awsassume.request").Request
    with tempfile.TemporaryDirectory() as corpus:
        for number, word in enumerate(WORDS):
            with open(f"{corpus}/{number}", "wb") as file:
                file.write(word)
        atheris.Setup([sys.argv[0], f"-runs={EXAMPLES}", "-max_len=512", corpus], READERS[name])
        atheris.Fuzz()


def by_chance(name: str) -> None:
    """Feed one reader with examples of hypothesis."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    words = st.sampled_from([part for word in WORDS for part in word.split(b"\0")])
    joined = st.lists(words | st.binary(max_size=12)).map(b"\0".join)
    checks = list(HealthCheck)
    settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=checks, database=None)(
        given(joined | st.binary())(READERS[name])
    )()


def main() -> int:
    """Feed the reader that the command line names, or each in a process of its own."""
    import importlib.util
    import subprocess

    guided = importlib.util.find_spec("atheris") is not None
    if sys.argv[1:]:
        (by_coverage if guided else by_chance)(sys.argv[1])
        return 0
    how = "atheris" if guided else "hypothesis"
    for name in READERS:
        sys.stdout.write(f"{name}: {EXAMPLES} runs by {how} … ")
        sys.stdout.flush()
        line = [sys.executable, "-m", "tests.readers", name]
        done = subprocess.run(line, check=False, capture_output=True, text=True, errors="replace")
        sys.stdout.write(
            "held\n" if done.returncode == 0 else f"FAILED\n{done.stdout}{done.stderr}"
        )
        if done.returncode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
