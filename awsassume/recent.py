"""Which roles were used last, and with which words: a file each, written on the slow way alone.

A session is fetched anew within the hour, so this lags behind by no more than that, and a hit pays nothing for it.
"""

import os
import time

from awsassume import environment, private, record, removal, shelf

FOLDER = "recent"
MOST_ENTRIES = 300


class Use:
    """The last use of a role: the name that prompts show, the words that ask for it, its ARN, and when (epoch seconds)."""

    __slots__ = ("is_profile", "name", "role_arn", "time", "words")

    def __init__(
        self,
        name: str,
        words: tuple[str, ...],
        role_arn: str,
        when: float,
        *,
        is_profile: bool,
    ) -> None:
        self.name = name
        self.words = words
        self.role_arn = role_arn
        self.time = when
        self.is_profile = is_profile


def note(cache: str, name: str, renew: str, role_arn: str, *, is_profile: bool) -> None:
    """Remember that a role was used now. It is a convenience: whatever prevents it is passed over."""
    pairs = [
        ("name", name),
        ("words", renew),
        ("role_arn", role_arn),
        ("profile", "yes" if is_profile else "no"),
        ("time", str(time.time())),
    ]
    try:
        record.write(cache, FOLDER, record.checksum(os.fsencode(name)), pairs)
        removal.prune(cache, FOLDER, MOST_ENTRIES, MOST_ENTRIES * 2 // 3)
    except (OSError, ValueError, private.UntrustedError):
        return


def uses(cache: str | None) -> list[Use]:
    """Give every use that can be read, the latest first."""
    found: list[Use] = []
    for _, fields in shelf.records(cache, FOLDER):
        try:
            words = tuple(environment.decode(word) for word in fields["words"].split(" "))
            when = float(fields["time"])
            is_profile = fields["profile"] == "yes"
            use = Use(fields["name"], words, fields["role_arn"], when, is_profile=is_profile)
        except (ValueError, KeyError):
            continue
        found.append(use)
    return sorted(found, key=lambda use: -use.time)
