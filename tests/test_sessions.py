"""Sessions on disk: what is written is read, for as long as it is good, by one process at a time."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from awsassume import errors, private, sessions
from awsassume.credentials import Credentials
from awsassume.lock import Lock
from awsassume.sessions import Session

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1893456000


def session(issued: int = NOW, life: int = 3600, key: str = "ASIAEXAMPLE000000000") -> Session:
    """Make a session."""
    keys = Credentials(key, "sec/ret+", "tok==", issued + life, "123456789012")
    return Session(keys, issued, {"role": "example", "source": 'profile "default"'})


@pytest.fixture
def cache(tmp_path: Path) -> str:
    """Name a cache that isn't there yet."""
    return str(tmp_path / "cache")


def test_what_is_written_is_read(cache: str) -> None:
    """Keys, times and what they are of."""
    written = session(int(time.time()))
    sessions.write(cache, "k", written)
    read = sessions.read(cache, "k")
    assert read is not None
    assert read.credentials.process_json() == written.credentials.process_json()
    assert (read.issued, read.about) == (written.issued, written.about)
    assert sessions.read(cache, "other") is None


def test_keys_that_never_end_are_not_kept(cache: str) -> None:
    """They stand in the user's own files already."""
    sessions.write(cache, "k", Session(Credentials("AKIAEXAMPLE", "secret"), NOW, {}))
    assert sessions.read(cache, "k") is None


@pytest.mark.parametrize(
    "life, fresh, stale",
    [(3600, 2500, 2700), (900, 640, 680), (43200, 42100, 42301), (60, 40, 46), (3600, -200, -400)],
)
def test_fresh_is_a_quarter_of_its_life_up_to_fifteen_minutes(
    life: int, fresh: int, stale: int
) -> None:
    """And never before it was given, but for what a clock may be put right by. Times are seconds since then."""
    assert session(life=life).is_fresh(NOW + fresh)
    assert not session(life=life).is_fresh(NOW + stale)


def test_min_remaining_is_exact() -> None:
    """As many seconds as were asked for, and one more."""
    assert session().is_fresh(NOW + 3000, 599)
    assert not session().is_fresh(NOW + 3000, 600)
    assert session().is_fresh(NOW + 3599, 0)
    assert not session().is_fresh(NOW + 3600, 0)


def test_what_is_over_or_of_another_time_has_nothing_left() -> None:
    """After its end, a day before it was given, and an end that no session has."""
    assert session().remaining(NOW + 3600) == 0
    assert session().remaining(NOW - 86400) == 0
    assert session(life=40 * 3600).remaining(NOW) == 0
    assert not Session(Credentials("AKIAEXAMPLE", "secret"), NOW, {}).is_fresh(NOW)


@pytest.mark.parametrize("damage", ["", "x", "awsassume 1 0\n", "half", "[]", "{}"])
def test_a_bad_file_is_a_miss(cache: str, damage: str) -> None:
    """Empty, cut, another's."""
    sessions.write(cache, "k", session(int(time.time())))
    path = f"{cache}/sessions/k"
    with open(path, "rb") as file:
        whole = file.read()
    with open(path, "wb") as file:
        file.write(whole[: len(whole) // 2] if damage == "half" else damage.encode())
    assert sessions.read(cache, "k") is None
    assert list(sessions.live(cache)) == []


def test_purge_forgets_what_is_chosen(cache: str) -> None:
    """And says how many."""
    now = int(time.time())
    sessions.write(cache, "a", session(now, key="ASIAAAAAAAAAAAAAAAAA"))
    sessions.write(cache, "b", session(now, key="ASIABBBBBBBBBBBBBBBB"))
    assert sessions.purge(cache, lambda one: one.credentials.access_key_id[4] == "A") == 1
    assert [key for key, _ in sessions.live(cache)] == ["b"]
    assert sessions.purge(cache, lambda _: True) == 1
    assert sessions.purge(cache, lambda _: True) == 0


def test_a_lock_is_one_process_s_and_none_s_when_it_ends(cache: str) -> None:
    """A second one waits no longer than told, and hears why."""
    with Lock(cache, "k", 5) as first:
        assert first.held
        with Lock(cache, "k", 0.1) as second:
            assert not second.held
            assert second.is_busy
            assert "another awsassume" in second.reason
        with Lock(cache, "other", 0.1) as third:
            assert third.held
    with Lock(cache, "k", 0.1) as after:
        assert after.held


def test_a_lock_file_is_private_and_goes_with_its_holder(cache: str) -> None:
    """One for each temporary source key would be one for each login."""
    with Lock(cache, "k", 1):
        assert private.read(cache, "sessions", "k.lock") == b""
    assert os.listdir(f"{cache}/sessions") == []


def test_where_no_lock_can_be_had_the_work_goes_on(cache: str, tmp_path: Path) -> None:
    """The cache is a file."""
    (tmp_path / "cache").write_text("")
    with Lock(cache, "k", 1) as lock:
        assert not lock.held
        assert "no lock can be had" in lock.reason


def test_a_failure_is_passed_on_to_those_who_waited_and_to_nobody_later(cache: str) -> None:
    """With its kind, its words and AWS's code."""
    refused = errors.RefusedFailure("refused", "do this", "AccessDenied")
    sessions.fail(cache, "k", refused, NOW)
    found = sessions.failure_since(cache, "k", NOW - 1, NOW + 1)
    assert isinstance(found, errors.RefusedFailure)
    assert (found.message, found.hint, found.code) == ("refused", "do this", "AccessDenied")
    assert sessions.failure_since(cache, "k", NOW + 1, NOW + 2) is None
    assert sessions.failure_since(cache, "k", NOW - 9, NOW - 1) is None
    assert sessions.failure_since(cache, "other", NOW - 1, NOW + 1) is None
