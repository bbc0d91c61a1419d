"""Words of the command line: a duration read, and a request spelled again."""

import os
import re
from collections.abc import Callable
from typing import Any

from awsassume.request import Request

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> int:
    """Read ``900``, ``90m``, ``1h``, ``1h30m`` as seconds. Raises ValueError naming the rule."""
    parts = re.findall(r"([0-9]{1,9})([smhd]?)", text)
    if (
        not parts
        or "".join(number + unit for number, unit in parts) != text
        or (len(parts) > 1 and ("" in dict(parts).values()))
    ):
        msg = f'"{text}" is no duration: write seconds (900), or 90m, 1h, 1h30m'
        raise ValueError(msg)
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


_WORDS: dict[str, Callable[[Any], list[str]]] = {
    "duration": lambda value: ["--duration", str(value)],
    "min_remaining": lambda value: ["--min-remaining", str(value)],
    "policy": lambda value: [
        "--policy",
        value if value.lstrip().startswith("{") else os.path.abspath(os.path.expanduser(value)),
    ],
    "policy_arns": lambda value: [word for text in value for word in ("--policy-arn", text)],
    "tags": lambda value: [word for text in value for word in ("--tag", text)],
    "transitive_tags": lambda value: [
        word for text in value for word in ("--transitive-tag", text)
    ],
}
_TEXT_OPTIONS = (
    "profile",
    "region",
    "session_name",
    "external_id",
    "mfa_serial",
    "source_identity",
)


def renewal(request: Request) -> list[str]:
    """Give the words that ask for the same session again, and for nothing that happens once or only concerns output."""
    words: list[str] = []
    for name in _TEXT_OPTIONS:
        value = getattr(request, name)
        if value is not None:
            words += ["--" + name.replace("_", "-"), value]
    for name, spell in _WORDS.items():
        value = getattr(request, name)
        if value not in {None, ()}:
            words += spell(value)
    if request.chain:
        words.append("--chain")
    if request.no_cache:
        words.append("--no-cache")
    if request.role is not None:
        words.append(request.role)
    return words
