"""A file of the cache is believed in its own place alone: another's under its name, or one that was changed, is a miss."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsassume import memory, recall, record, sealed, sessions
from awsassume.credentials import Credentials
from awsassume.program import Program
from tests.bench import Bench, bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["bench"]

PROCESS = "--credential-process"


def plain(folder: Path) -> list[Path]:
    """Return the files of a folder of the cache that hold something."""
    return sorted(path for path in folder.iterdir() if "." not in path.name)


@pytest.fixture
def two(bench: Bench) -> tuple[str, str]:
    """Return two roles that Bob takes, each with its session, its ARN by name, and what was remembered of its words."""
    bench.aws.add_role("other", trust=bench.bob)
    return "example-role", "other"


def taken(bench: Bench, role: str) -> str:
    """Take a role, and return the ARN that one is then."""
    said = bench.run(role, PROCESS).stdout
    return bench.aws.keys[json.loads(said)["AccessKeyId"]].arn


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["sessions", "recall", "names", "recent"])
@pytest.mark.parametrize("how", ["copied", "swapped", "hard link"])
def test_one_role_s_file_under_another_s_name_is_a_miss(
    bench: Bench, two: tuple[str, str], folder: str, how: str
) -> None:
    """Whichever of the folders: what comes is the role that was asked for."""
    place = bench.cache / folder
    assert f":assumed-role/{two[0]}/" in taken(bench, two[0])
    first = set(plain(place))
    assert f":assumed-role/{two[1]}/" in taken(bench, two[1])
    (one,) = first
    (other,) = set(plain(place)) - first
    if how == "swapped":
        aside = place / ".aside"
        one.rename(aside)
        other.rename(one)
        aside.rename(other)
    else:
        other.unlink()
        (os.link if how == "hard link" else shutil.copy)(one, other)
    for role in two:
        if folder == "names":
            # What was remembered of the words is in front of the names.
            for path in plain(bench.cache / "recall"):
                path.unlink()
        assert f":assumed-role/{role}/" in taken(bench, role)


def test_a_session_of_another_role_under_the_right_key_is_a_miss(
    bench: Bench, two: tuple[str, str]
) -> None:
    """A file that claims the name, with a right checksum, and holds another role's credentials."""
    taken(bench, two[0])
    (one,) = plain(bench.cache / "sessions")
    taken(bench, two[1])
    (other,) = set(plain(bench.cache / "sessions")) - {one}
    pairs = record.load(one.read_bytes())
    assert pairs
    other.write_bytes(record.dump([("place", f"sessions/{other.name}"), *pairs[1:]]))
    assert f":assumed-role/{two[1]}/" in taken(bench, two[1])


def test_what_was_remembered_of_a_name_must_be_that_name(
    bench: Bench, two: tuple[str, str]
) -> None:
    """An ARN of another role, in the file of the right name and place."""
    taken(bench, two[0])
    (path,) = plain(bench.cache / "names")
    arn = f"arn:aws:iam::123456789012:role/{two[1]}"
    path.write_bytes(record.dump([("place", f"names/{path.name}"), ("role_arn", arn)]))
    for kept in plain(bench.cache / "recall"):
        kept.unlink()
    assert f":assumed-role/{two[0]}/" in taken(bench, two[0])


def test_a_recall_that_names_another_session_is_a_miss(bench: Bench, two: tuple[str, str]) -> None:
    """One word of it changed, and the checksum made again: the session is not of the role that the words mean."""
    taken(bench, two[0])
    (mine,) = plain(bench.cache / "recall")
    (session,) = plain(bench.cache / "sessions")
    taken(bench, two[1])
    (other,) = set(plain(bench.cache / "sessions")) - {session}
    pairs = record.load(mine.read_bytes())
    assert pairs
    changed = [(name, other.name if name == "target key" else text) for name, text in pairs]
    assert changed != pairs
    mine.write_bytes(record.dump(changed))
    assert f":assumed-role/{two[0]}/" in taken(bench, two[0])


class _Key(sealed.Seal):
    """A seal whose key is at hand."""

    def __init__(self, cache: Path) -> None:
        super().__init__("keyring", str(cache))
        self._key = bytes(32)


@pytest.fixture
def seal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> _Key:
    """Seal what is kept, as AWSASSUME_STORE=keyring does."""
    seal = _Key(tmp_path)
    monkeypatch.setattr(record, "seal", seal)
    return seal


def target() -> recall.Target:
    """Return what a command line came to."""
    found = recall.Target("k" * 40, "x", "", "x")
    found.means = "arn:aws:iam::123456789012:role/x"
    return found


@pytest.fixture
def remembered(tmp_path: Path, seal: _Key) -> Iterator[tuple[str, Path]]:
    """Return a cache with one thing remembered under a seal, and its file."""
    cache = str(tmp_path / "cache")
    program = Program(["x"], {"AWSASSUME_CACHE_DIR": cache})
    assert program.cache
    from awsassume.request import Request

    memory.remember(program.cache, "mark", ["x"], Request(role="x"), target(), memory.Files())
    yield program.cache, Path(program.cache) / "recall/mark"
    assert record.seal is seal


def changed_word(data: bytes) -> bytes:
    """Write what the file says in plain, with one word changed."""
    del data
    return record.dump([("place", "recall/mark"), ("request mode", "export"), ("target key", "b")])


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "plain": changed_word,
    "one bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "cut": lambda data: data[:-1],
    "of a session": lambda _: _Key(Path("/")).close("sessions/mark", changed_word(b"")),
    "of another's": lambda _: _Key(Path("/")).close("recall/other", changed_word(b"")),
}


@pytest.mark.parametrize("how", SPOILT)
def test_under_a_seal_nothing_can_be_changed_in_what_is_remembered(
    remembered: tuple[str, Path], how: str
) -> None:
    """Written in plain, damaged, or sealed for another place: a miss. As it was it is found, and can't be read by others."""
    cache, path = remembered
    found = recall.find(cache, "mark", ["x"])
    assert found
    assert found[1].role_arn == target().role_arn
    assert b"role/x" not in path.read_bytes()
    path.write_bytes(SPOILT[how](path.read_bytes()))
    assert recall.find(cache, "mark", ["x"]) is None


def test_under_a_seal_no_keyring_is_asked_for_what_needs_no_session(
    tmp_path: Path, seal: _Key
) -> None:
    """`--clear` is had though the keyring is locked, so nothing of it is kept in its care."""
    del seal
    from awsassume.request import Request

    cache = str(tmp_path / "cache")
    memory.remember(cache, "mark", ["--clear"], Request("clear"), recall.Target(), memory.Files())
    assert not (tmp_path / "cache/awsassume/recall").exists()


def test_a_session_is_read_as_of_its_role_alone(tmp_path: Path) -> None:
    """Of another, or of none where there should be one, it is none."""
    cache = str(tmp_path / "cache")
    credentials = Credentials("ASIA1", "secret", "token", 4_000_000_000)
    arn = "arn:aws:iam::123456789012:role/x"
    sessions.write(cache, "k", sessions.Session(credentials, 3_999_999_000, {"role_arn": arn}))
    assert sessions.read(cache, "k")
    assert sessions.read(cache, "k", arn)
    for other in ("", arn + "y", arn.replace("1", "2")):
        assert sessions.read(cache, "k", other) is None
