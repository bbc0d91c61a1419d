"""A thousand boto3 sessions on credentials that end all the while: `python -m tests.soak [SESSIONS] [SECONDS]`.

Every session is one of boto3's own, with awsassume as its credential_process, and calls GetCallerIdentity again and again. The
sessions of the role live so short that they end many times over while it runs; AWS refuses expired ones.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import NamedTuple

import boto3
import botocore.session
from botocore.config import Config

from tests.bench import COMMAND
from tests.fake_aws.aws import FakeAws

LIFETIME_SECONDS = 60
THREADS = 16


class Outcome(NamedTuple):
    """What came of it: calls made, those that failed and why, and how often STS was asked in how many seconds."""

    calls: int
    failures: list[str]
    assumed: int
    seconds: float
    lifetime: float

    @property
    def allowed(self) -> int:
        """How often STS may be asked: a session is fresh for two thirds of its life at least, and serves all."""
        return int(self.seconds / (self.lifetime * 2 / 3)) + 2


def session(config: Path) -> boto3.Session:
    """Return a session of boto3 that knows of nothing but the profile."""
    variables = {
        "config_file": (None, None, str(config), None),
        "credentials_file": (None, None, os.devnull, None),
        "profile": (None, None, "example", None),
    }
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))


def soak(place: Path, sessions: int, seconds: float, lifetime: float = LIFETIME_SECONDS) -> Outcome:
    """Let so many sessions call for so long at least, and each of them twice at least."""
    failures: list[str] = []
    calls = [0] * THREADS
    with FakeAws() as aws:
        bob = aws.add_user("Bob")
        role = aws.add_role("example-role", trust=bob)
        aws.lifetime = lifetime
        config = place / "config"
        variables = {
            **aws.environ(bob),
            "AWSASSUME_CACHE_DIR": str(place / "cache"),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        told = " ".join(f"{name}={value}" for name, value in variables.items())
        command = " ".join([*COMMAND, role.arn, "--credential-process"])
        config.write_text(
            f"[profile example]\nregion = eu-west-1\ncredential_process = env {told} {command}\n"
        )
        began = time.monotonic()

        def work(number: int) -> None:
            mine = [session(config) for _ in range(number, sessions, THREADS)]
            clients = [
                one.client(
                    "sts",
                    region_name="eu-west-1",
                    endpoint_url=aws.url,
                    config=Config(retries={"total_max_attempts": 1}),
                )
                for one in mine
            ]
            for turn in count(1):
                for client in clients:
                    try:
                        arn = client.get_caller_identity()["Arn"]
                        if ":assumed-role/example-role/" not in arn:
                            failures.append(f"wrong identity: {arn}")
                    except Exception as error:  # noqa: BLE001 - whatever went wrong is the matter here
                        failures.append(f"{type(error).__name__}: {error}"[:300])
                    calls[number] += 1
                if turn > 1 and time.monotonic() - began >= seconds:
                    return

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent = time.monotonic() - began
        return Outcome(sum(calls), failures, len(aws.calls("AssumeRole")), spent, lifetime)


def main() -> int:
    """Soak, and say what came of it."""
    words = sys.argv[1:]
    sessions = int(words[0]) if words else 1000
    seconds = int(words[1]) if len(words) > 1 else 240
    with tempfile.TemporaryDirectory() as place:
        outcome = soak(Path(place), sessions, seconds)
    sys.stdout.write(
        f"{sessions} boto3 sessions, {outcome.calls} calls in {outcome.seconds:.0f} s, on sessions of "
        f"{LIFETIME_SECONDS} s: {len(outcome.failures)} failed, AssumeRole was called {outcome.assumed} times "
        f"(allowed: {outcome.allowed})\n"
    )
    for failure in outcome.failures[:5]:
        sys.stdout.write(f"  {failure}\n")
    return 1 if outcome.failures or outcome.assumed > outcome.allowed else 0


if __name__ == "__main__":
    sys.exit(main())
