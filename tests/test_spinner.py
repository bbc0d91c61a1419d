"""Slow work shows itself on a terminal, to those who want to see it; --verbose says each decision and its reason."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.aws_files import lines_of, write
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

    Run = Callable[..., Result]

WAITING = "awsassume: waiting for STS in us-east-1"


@pytest.fixture(autouse=True)
def _bob(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = aws.add_user("Bob")
    role = aws.add_role("example-role", trust=bob)
    write(
        home,
        f"[profile p]\nrole_arn = {role.arn}\nsource_profile = default\n",
        f"[default]\n{lines_of(bob)}",
    )
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def held(aws: FakeAws, program: str) -> Iterator[Callable[..., pexpect.spawn[str]]]:
    """Return what starts awsassume on a terminal while STS keeps its answer until `aws.release()`."""
    aws.fault("hold", "AssumeRole")
    running: list[pexpect.spawn[str]] = []

    def start(*words: str, **environ: str | None) -> pexpect.spawn[str]:
        merged: Mapping[str, str | None] = {**os.environ, "TERM": "xterm", **environ}
        known = {name: value for name, value in merged.items() if value is not None}
        running.append(
            pexpect.spawn(
                program, [*words, "p", "--", "true"], env=known, encoding="utf-8", timeout=BOUND
            )
        )
        return running[-1]

    yield start
    aws.release()
    for terminal in running:
        terminal.close()


def test_a_long_wait_is_shown_and_taken_away(
    aws: FakeAws, held: Callable[..., pexpect.spawn[str]]
) -> None:
    """While STS does not answer a spinner turns; afterwards the line and the cursor are as they were."""
    terminal = held(NO_COLOR=None)
    terminal.expect_exact(WAITING)
    shown = terminal.before or ""
    aws.release()
    terminal.expect(pexpect.EOF)
    shown += terminal.before or ""
    assert "\x1b[?25l" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert shown.rindex("\x1b[2K") > shown.rindex("\x1b[?25l")
    terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_without_colour_it_is_a_plain_line(
    aws: FakeAws, held: Callable[..., pexpect.spawn[str]], environ: dict[str, str]
) -> None:
    """Where no escape codes are wanted there are none."""
    terminal = held(**environ)
    terminal.expect_exact(f"{WAITING}…\r\n")
    assert "\x1b" not in (terminal.before or "")
    aws.release()
    terminal.expect(pexpect.EOF)
    assert terminal.before == ""


def test_quiet_shows_nothing(aws: FakeAws, held: Callable[..., pexpect.spawn[str]]) -> None:
    """Under --quiet a wait of twice as long shows nothing."""
    terminal = held("--quiet")
    aws.wait_for("AssumeRole")
    assert terminal.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=1.5) == 0
    aws.release()
    terminal.expect(pexpect.EOF)
    assert terminal.before == ""


def test_without_a_terminal_nothing_is_shown(aws: FakeAws, run: Run) -> None:
    """What reads our standard error as a file or a pipe gets no spinner."""
    aws.fault("delay", "AssumeRole", seconds=1.5)
    assert run("p", "--", "true").stderr == ""


def test_verbose_says_each_decision_and_its_reason(run: Run) -> None:
    """Which profile, which source, a hit or a miss and why, each call to AWS with its duration; never a secret."""
    first = run("p", "--verbose", "--format", "env").stderr
    for said in (
        '"p" is a profile',
        'source: profile "default"; then arn:aws:iam::123456789012:role/example-role',
        "example-role: no session yet",
        'profile "default": <Credentials AKIA…',
    ):
        assert said in first
    assert re.search(r"sts:assume_role in us-east-1: \d+ ms", first)
    again = run("p", "--verbose", "--format", "env").stderr
    assert "remembered; a session of p with 3" in again
    assert "sts:" not in again
    stale = run("p", "--verbose", "--format", "env", "--min-remaining", "2h").stderr
    assert "s left, too few" in stale


def test_quiet_leaves_only_errors(home: Path, run: Run) -> None:
    """A warning is not said under --quiet; a failure is."""
    cache = home / "open"
    (cache / "awsassume").mkdir(parents=True)
    (cache / "awsassume").chmod(0o755)
    environ = {"AWSASSUME_CACHE_DIR": str(cache)}
    assert "chmod" in run("p", "--format", "env", environ=environ).stderr
    assert run("p", "--format", "env", "--quiet", environ=environ).stderr == ""
    assert "nobody" in run("nobody", "--quiet", code=3).stderr
