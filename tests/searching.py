"""A search for secrets: in files, in text, and in what every process was started with."""

from __future__ import annotations

import base64
import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.fake_aws.aws import FakeAws

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Started(NamedTuple):
    """What a process was started with."""

    argv: tuple[str, ...]
    environ: tuple[str, ...]


def secrets_of(aws: FakeAws) -> dict[str, str]:
    """Return every secret that this AWS knows, each with a name to tell it by."""
    found = {}
    for keys in aws.keys.values():
        kind = f"of {keys.arn} ({'temporary' if keys.temporary else 'long-term'})"
        found[keys.secret_access_key] = f"secret access key {kind}"
        if keys.session_token:
            found[keys.session_token] = f"session token {kind}"
    for kind, secrets in (
        ("SSO token", aws.sso.tokens),
        ("SSO refresh token", aws.sso.refresh_tokens),
        ("SSO client secret", aws.sso.clients.values()),
        ("sign-in token", aws.signin.signin_tokens),
    ):
        found.update(dict.fromkeys(secrets, kind))
    return found


def forms(secret: str) -> Iterator[bytes]:
    """Give the ways in which a secret may be written: as it is, in a link, in base64 wherever in it, in hexadecimal."""
    data = secret.encode()
    yield data
    yield quote(secret, safe="").encode()
    yield data.hex().encode()
    if len(data) > 8:
        for shift in range(3):
            text = base64.b64encode(b"\0" * shift + data).rstrip(b"=")
            # The characters at both ends hold bits of what is beside it.
            yield text[4 if shift else 0 : -1]


def found_in(text: str | bytes, secrets: Mapping[str, str]) -> set[str]:
    """Return the names of the secrets that are in a text."""
    data = text if isinstance(text, bytes) else os.fsencode(text)
    return {name for secret, name in secrets.items() if any(form in data for form in forms(secret))}


def found_below(place: Path, secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the files below a folder that hold secrets, by their names or by what is in them, and which."""
    found = {}
    for path in place.rglob("*"):
        name = str(path.relative_to(place))
        inside = found_in(path.read_bytes(), secrets) if path.is_file() else set()
        inside |= found_in(name, secrets)
        if inside:
            found[name] = inside
    return found


def tracing(log: Path) -> list[str]:
    """Return the words before a program's that write down what each process below it is started with."""
    return [
        need("strace"),
        "-f",
        "-qq",
        "-v",
        "-s",
        "1000000",
        "-e",
        "trace=execve",
        "-o",
        str(log),
    ]


def started(log: Path) -> list[Started]:
    """Return what was written down."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        if "execve(" in line and line.endswith(" = 0"):
            argv, _, environ = line.partition("], [")
            found.append(Started(tuple(_STRING.findall(argv)[1:]), tuple(_STRING.findall(environ))))
    return found
