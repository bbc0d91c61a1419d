"""An STS that hangs, drops, throttles, lies or is a hotel's portal: an end in time or a retry, and nothing bad is kept."""

from __future__ import annotations

import os
import random
import string
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from awsassume import sessions
from awsassume.credentials import Credentials
from awsassume.lock import Lock
from tests.bench import COMMAND, Bench, bench
from tests.conftest import need

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_aws.faults import Kind

__all__ = ["bench"]

pytestmark = pytest.mark.slow

ENDLESS: list[tuple[Kind, dict[str, Any]]] = [("hang", {}), ("drip", {"seconds": 1.0})]
LIES: dict[Kind, str] = {
    "captive-portal": "captive portal",
    "drop-midway": "captive portal",
    "empty": "captive portal",
    "garbage": "captive portal",
    "wrong-types": "captive portal",
    "bad-expiration": "captive portal",
    "no-expiration": "captive portal",
    "past-expiration": "2001-01-01T00:00:00Z",
    "year-9999": "9999",
    "hostile": "captive portal",
}


def nothing_kept(bench: Bench) -> None:
    """Assert that no session is in the cache, and that the next call has a good one."""
    assert bench.session_files == []
    bench.aws.clear_faults()
    bench.take()


@pytest.mark.slow
@pytest.mark.parametrize("kind, more", ENDLESS, ids=[kind for kind, _ in ENDLESS])
def test_an_answer_without_end_is_given_up(bench: Bench, kind: Kind, more: dict[str, Any]) -> None:
    """It ends while the answer has not come, by its own clock: the fake would go on for ever, or for a quarter of an hour."""
    bench.aws.fault(kind, "AssumeRole", **more)
    result = bench.run(bench.role.arn, "--credential-process", code=5)
    assert result.stdout == ""
    assert "in time" in result.stderr
    assert 1 <= len(bench.aws.calls("AssumeRole")) <= 3
    nothing_kept(bench)


@pytest.mark.parametrize(
    "kind, said",
    [
        pytest.param("drop", "can't be reached", id="drop"),
        pytest.param("status", "HTTP 500", id="500"),
        pytest.param("throttle", "throttling", id="throttle"),
    ],
)
def test_what_may_pass_is_tried_again_and_then_given_up(
    bench: Bench, kind: Kind, said: str
) -> None:
    """Two bad answers are survived; three are the end, in the user's words, for a shell as for an SDK."""
    bench.aws.fault(kind, "AssumeRole", times=2)
    bench.take()
    assert len(bench.aws.calls("AssumeRole")) == 3
    bench.aws.clear_faults()
    bench.aws.log.clear()
    bench.aws.fault(kind, "AssumeRole")
    result = bench.run("example-role", "--refresh", code=5, environ={"AWSASSUME_SHELL": "bash"})
    assert result.stdout == "false;\n"
    assert said in result.stderr
    assert len(bench.aws.calls("AssumeRole")) == 3
    # The session of before is still good, and still there.
    bench.aws.log.clear()
    bench.take()
    assert bench.counts() == {}


@pytest.mark.parametrize("kind", LIES)
def test_what_is_no_answer_of_sts_is_neither_used_nor_kept(bench: Bench, kind: Kind) -> None:
    """An error that says what was wrong with it; a shell that reads us runs none of it."""
    bench.aws.fault(kind, "AssumeRole")
    result = bench.run(bench.role.arn, "--credential-process", code=5)
    assert result.stdout == ""
    assert LIES[kind] in result.stderr
    place = bench.tmp_path / "empty"
    place.mkdir()
    script = 'eval "$("$@")"; status=$?; [ -z "$AWS_ACCESS_KEY_ID" ] && exit $status'
    line = ["sh", "-c", script, "sh", *COMMAND, bench.role.arn]
    done = subprocess.run(
        line,
        check=False,
        cwd=place,
        env=bench.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert list(place.iterdir()) == []
    nothing_kept(bench)


@pytest.mark.parametrize("action", ["GetCallerIdentity", "ListRoles", "GetSessionToken"])
@pytest.mark.parametrize("kind", ["captive-portal", "empty", "garbage", "hostile"])
def test_the_other_calls_hold_too(bench: Bench, action: str, kind: Kind) -> None:
    """Those by which a role's name is looked up, and the one that an MFA code is for."""
    device = bench.aws.add_mfa(bench.bob)
    bench.config_file.write_text(
        "[default]\nregion = eu-west-1\n\n[profile guarded]\nsource_profile = default\n"
        f"role_arn = {bench.role.arn}\nmfa_serial = {device.serial}\n"
    )
    bench.aws.fault(kind, action)
    words = (
        ["guarded", "--token-code", "123456"] if action == "GetSessionToken" else ["example-role"]
    )
    # The hostile answer is one about credentials, of which these two have none.
    code = 0 if kind == "hostile" and action != "GetSessionToken" else 5
    result = bench.run(*words, "--credential-process", code=code)
    assert bool(result.stdout) is (code == 0)
    assert list((bench.cache / "names").glob("*")) == [] or code == 0


def test_words_of_an_error_are_shown_as_one_line_without_controls(bench: Bench) -> None:
    """What AWS, or who speaks for it, says in an error can't draw on the terminal."""
    bench.aws.fault(
        "error",
        "AssumeRole",
        code="Odd",
        message="a\x9b2Jb\r\nc `touch pwned` \u202e d",
        status=400,
    )
    result = bench.run(bench.role.arn, "--credential-process", code=5)
    assert result.stdout == ""
    assert "\x9b" not in result.stderr
    assert "\u202e" not in result.stderr
    assert "(Odd)" in result.stderr


def test_a_process_that_stands_still_is_waited_for_and_then_left_alone(bench: Bench) -> None:
    """While one has the lock and does nothing, another does the work itself, with a call of its own."""
    bench.take()
    bench.age(2 * 3600)
    (path,) = bench.session_files
    with Lock(str(bench.cache), path.name, 5) as lock:
        assert lock.held
        result = bench.run("example-role", "--credential-process", "--verbose")
    bench.good(result.stdout)
    assert "busy with it" in result.stderr


# The clock.


def faked(offset: str) -> dict[str, str]:
    """Return the variables under which a process believes in another time."""
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    from pathlib import Path as Found

    need("faketime")
    for place in ("/usr/lib", "/usr/lib64", "/opt"):
        found = sorted(Found(place).glob("**/faketime/libfaketime.so.1"))
        if found:
            library = str(found[0])
            break
    # File times are the kernel's, and waiting is done by the clock that nobody sets.
    return {
        "LD_PRELOAD": library,
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


@pytest.mark.parametrize("offset", ["-1d", "+1d", "-20m", "+20m"])
def test_a_clock_that_jumps_costs_a_call_at_most(bench: Bench, offset: str) -> None:
    """A day or minutes, back or ahead; and when it is put right, the session of before is good again, or one call more."""
    bench.aws.check_clock = False
    bench.take()
    bench.aws.log.clear()
    # AWS's time is the true one: what it gives a clock a day ahead is over already, and that is said.
    ahead = offset == "+1d"
    result = bench.run(
        "example-role", "--credential-process", environ=faked(offset), code=5 if ahead else 0
    )
    assert len(bench.aws.calls("AssumeRole")) <= 1
    if ahead:
        assert "check this machine's clock" in result.stderr
    else:
        bench.good(result.stdout)
    bench.aws.log.clear()
    bench.take()
    assert len(bench.aws.calls("AssumeRole")) <= 1


@pytest.mark.parametrize("offset", ["-1d", "-90m"])
def test_an_expired_session_stays_expired_when_the_clock_goes_back(
    bench: Bench, offset: str
) -> None:
    """Two hours old, of one hour: by a clock set back a day it is from the future, and not believed."""
    bench.aws.check_clock = False
    old = bench.take()
    bench.age(2 * 3600)
    (path,) = bench.session_files
    if offset == "-90m":
        # By this clock it would be half an hour old; this machine has been up for longer than that.
        found = sessions.read(str(bench.cache), path.name)
        assert found is None or found.remaining(time.time()) == 0
        uptime = sessions._uptime().rpartition(" ")
        _rewrite_uptime(path, f"{uptime[0]} {max(0, int(uptime[2]) - 7200)}")
    new = bench.take(environ=faked(offset))
    assert new != old


def test_a_failure_of_a_day_to_come_is_not_believed(bench: Bench) -> None:
    """Left by a process whose clock was ahead: nobody else fails for it."""
    bench.aws.check_clock = False
    bench.aws.fault("error", "AssumeRole", code="AccessDenied", message="no", times=1)
    bench.run(bench.role.arn, "--credential-process", environ=faked("+1d"), code=5)
    result = bench.run(bench.role.arn, "--credential-process")
    bench.good(result.stdout)


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London", "nonsense"]
)
def test_the_time_zone_changes_nothing(bench: Bench, zone: str) -> None:
    """A session taken in one zone is fresh in every other, and its end is written in UTC."""
    first = bench.run("example-role", "--credential-process", environ={"TZ": "Asia/Tokyo"})
    bench.aws.log.clear()
    again = bench.run("example-role", "--credential-process", environ={"TZ": zone})
    assert again.stdout == first.stdout
    assert bench.counts() == {}
    assert 'Z"' in again.stdout


def _rewrite_uptime(path: Path, uptime: str) -> None:
    from awsassume import record

    pairs = record.load(path.read_bytes())
    assert pairs is not None
    path.write_bytes(
        record.dump([(name, uptime if name == "uptime" else text) for name, text in pairs])
    )


# Retries, locks.


def test_retries_are_botocore_s_standard_ones_with_full_jitter(bench: Bench) -> None:
    """Three tries at most, and between them a time that chance picks from nothing up to a bound that doubles."""
    from botocore.retries import standard

    from awsassume import sts
    from awsassume.clock import Clock
    from awsassume.config import Config

    config = Config(bench.environ)
    keys = Credentials(bench.bob.access_key_id, bench.bob.secret_access_key)
    aws = sts.Aws(config, None, "eu-west-1", keys, Clock(), lambda _: None)
    client = aws.client("sts")
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert client.meta.config.connect_timeout == 3
    assert client.meta.config.read_timeout == 10

    def delay(attempt: int, chance: float) -> float:
        backoff = standard.ExponentialBackoff(random=lambda: chance)
        return float(backoff.delay_amount(standard.RetryContext(attempt_number=attempt)))

    assert delay(1, 0.0) == delay(2, 0.0) == 0
    assert delay(1, 0.25) == delay(1, 1.0) / 4
    assert delay(2, 1.0) == 2 * delay(1, 1.0) > 0


def test_machines_that_started_together_do_not_renew_together() -> None:
    """A thousand sessions of one hour, had at one instant, are given up over two minutes, evenly; each by all who share it."""
    now = 1_800_000_000
    moments = []
    chance = random.Random(6)
    for _ in range(1000):
        key = "ASIA" + "".join(chance.choices(string.ascii_uppercase + "234567", k=16))
        session = sessions.Session(Credentials(key, "s", "t", now + 3600), now, {})
        assert session.is_fresh(now + 2700 - 120)
        assert not session.is_fresh(now + 2700)
        moments.append(next(t for t in range(2580, 2701) if not session.is_fresh(now + t)))
    busiest = max(moments.count(moment) for moment in set(moments))
    assert busiest < 30


@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EINVAL"])
def test_where_there_are_no_locks_it_goes_on_without(bench: Bench, error: str) -> None:
    """At once, not after the time that a lock is waited for; said under --verbose, and to nobody else."""
    tracing = [need("strace"), "-f", "-qq", "-o", os.devnull, "-e", "trace=flock"]
    tracing += ["-e", f"inject=flock:error={error}"]
    result = bench.run("example-role", "--credential-process", prefix=tracing)
    bench.good(result.stdout)
    assert result.stderr == ""
    result = bench.run("example-role", "--refresh", "--verbose", "--format", "env", prefix=tracing)
    bench.good(result.stdout)
    assert "no lock can be had" in result.stderr
    assert "busy" not in result.stderr
    left = sorted(path.suffix for path in bench.cache.rglob("*.lock"))
    assert len(left) <= 2
    bench.take()


def test_locks_hold_on_an_overlay(bench: Bench, tmp_path: Path) -> None:
    """As in a container's own file system: of twenty at once, one calls."""
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    options = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    line = ["mount", "-t", "overlay", "overlay", "-o", options, str(tmp_path / "merged")]
    done = subprocess.run(line, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no overlay can be mounted here: {done.stderr.strip()}")
    try:
        bench.environ["AWSASSUME_CACHE_DIR"] = str(tmp_path / "merged" / "cache")
        results = bench.many(20, bench.role.arn, "--credential-process")
        assert len({bench.good(result.stdout)["key"] for result in results}) == 1
        assert bench.counts() == {"AssumeRole": 1}
    finally:
        subprocess.run(["umount", str(tmp_path / "merged")], check=False)
