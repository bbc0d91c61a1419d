"""Many at once: one asks AWS, or the person at the terminal, and all are answered."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pexpect
import pytest

from tests.bench import COMMAND, MANY, Bench, bench

__all__ = ["bench"]

pytestmark = pytest.mark.slow
COUNT = 200
WAYS = [
    pytest.param(["example-role", "--credential-process"], id="credential_process"),
    pytest.param(["example-role"], id="export"),
]


@pytest.mark.parametrize("words", WAYS)
def test_two_hundred_that_find_nothing_cost_one_call(bench: Bench, words: list[str]) -> None:
    """A role by its name takes three calls, once each, however many ask for it together."""
    results = bench.many(COUNT, *words)
    assert [str(result) for result in results if result.code] == []
    assert len({bench.good(result.stdout)["key"] for result in results}) == 1
    assert {result.stderr for result in results} == {""}
    assert bench.counts() == {"GetCallerIdentity": 1, "ListRoles": 1, "AssumeRole": 1}


@pytest.mark.parametrize("words", WAYS)
def test_two_hundred_that_find_an_expired_session_cost_one_call(
    bench: Bench, words: list[str]
) -> None:
    """The role's ARN is still known, so AssumeRole is all there is to call."""
    old = bench.take()["key"]
    bench.run(*words, environ={"AWSASSUME_SHELL": "env"})
    bench.age(2 * 3600)
    bench.aws.log.clear()
    results = bench.many(COUNT, *words)
    assert [str(result) for result in results if result.code] == []
    (key,) = {bench.good(result.stdout)["key"] for result in results}
    assert key != old
    assert bench.counts() == {"AssumeRole": 1}


@pytest.mark.parametrize("words", WAYS)
def test_two_hundred_on_one_terminal_ask_for_one_code(bench: Bench, words: list[str]) -> None:
    """The device's code is typed once, and every one of them has the role."""
    device = bench.aws.add_mfa(bench.bob, codes=["135790"], once=True)
    role = bench.aws.add_role("example-role", trust=bench.bob, mfa=True)
    bench.config_file.write_text(
        "[default]\nregion = eu-west-1\n\n[profile guarded]\nsource_profile = default\n"
        f"role_arn = {role.arn}\nmfa_serial = {device.serial}\n"
    )
    out = bench.tmp_path / "many"
    out.mkdir()
    environ = {**bench.environ, "OUT": str(out), "COUNT": str(COUNT), "AWSASSUME_SHELL": "sh"}
    line = ["-c", MANY, "sh", *COMMAND, "guarded", *words[1:]]
    terminal = pexpect.spawn("sh", line, env=environ, timeout=200, encoding="utf-8")
    terminal.expect_exact(f"MFA code for {device.serial}: ")
    # They are all there, and none but one asks.
    terminal.sendline("135790")
    terminal.expect_exact("ALL DONE")
    assert terminal.before is not None
    assert "MFA code" not in terminal.before
    terminal.expect(pexpect.EOF)
    results = bench.results(COUNT)
    assert [str(result) for result in results if result.code] == []
    assert len({bench.good(result.stdout)["key"] for result in results}) == 1
    assert bench.counts() == {"GetSessionToken": 1, "AssumeRole": 1}


@pytest.mark.parametrize("words", WAYS)
def test_two_hundred_that_are_refused_cost_one_call(bench: Bench, words: list[str]) -> None:
    """Each says why, and what to do, and fails its shell; AWS is not asked two hundred times."""
    bench.aws.add_role("example-role", trust="arn:aws:iam::123456789012:user/Alice")
    results = bench.many(COUNT, *words)
    assert {result.code for result in results} == {5}
    assert {result.stdout for result in results} == {"" if words[1:] else "false;\n"}
    (said,) = {result.stderr for result in results}
    assert "AccessDenied" in said
    assert "run: awsassume --explain" in said
    assert bench.counts()["AssumeRole"] == 1


def test_two_hundred_end_together_where_sts_never_answers(bench: Bench) -> None:
    """One process asks, so often as its time allows; the others learn from it that there is no answer."""
    bench.take()
    bench.age(2 * 3600)
    bench.aws.log.clear()
    bench.aws.fault("hold", "AssumeRole")
    results = bench.many(COUNT, "example-role", "--credential-process")
    assert {result.code for result in results} == {5}
    assert {result.stdout for result in results} == {""}
    assert all("did not" in result.stderr for result in results)
    # The answer is still on hold: nobody had to wait for it.
    assert not bench.aws.faults.released.is_set()
    assert 1 <= len(bench.aws.calls("AssumeRole")) <= 3


def test_a_person_who_gives_up_is_not_asked_by_the_next_one(bench: Bench) -> None:
    """An empty line ends the one that asks, and those that wait for it."""
    device = bench.aws.add_mfa(bench.bob)
    role = bench.aws.add_role("example-role", trust=bench.bob, mfa=True)
    bench.config_file.write_text(
        "[default]\nregion = eu-west-1\n\n[profile guarded]\nsource_profile = default\n"
        f"role_arn = {role.arn}\nmfa_serial = {device.serial}\n"
    )
    out = bench.tmp_path / "many"
    out.mkdir()
    environ = {**bench.environ, "OUT": str(out), "COUNT": "10"}
    line = ["-c", MANY, "sh", *COMMAND, "guarded", "--credential-process"]
    terminal = pexpect.spawn("sh", line, env=environ, timeout=200, encoding="utf-8")
    terminal.expect_exact("MFA code for")
    _wait_until_all_wait(10)
    terminal.sendline("")
    terminal.expect_exact("ALL DONE")
    assert terminal.before is not None
    assert "MFA code" not in terminal.before
    terminal.expect(pexpect.EOF)
    codes = sorted(result.code for result in bench.results(10))
    assert codes == [4] * 9 + [130]
    assert bench.counts() == {}


def _wait_until_all_wait(count: int) -> None:
    """Return once so many processes of this test wait for a lock: each has its file of turns open."""
    import time

    cache = os.environ["AWSASSUME_CACHE_DIR"]
    while True:
        found = 0
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            try:
                names = [
                    os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")
                ]
            except OSError:
                continue
            found += any(
                re.search(r"\.turn$", name) and Path(name).is_relative_to(cache) for name in names
            )
        if found == count:
            return
        time.sleep(0.05)
