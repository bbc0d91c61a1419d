"""Whatever a config says, awsassume is who a real botocore session is, by the same parameters.

Both are asked row by row, at the same fake AWS: we as a process, botocore in one process for all rows.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pytest

from tests.conformance_table import FAULTS, ROWS, Row
from tests.fake_aws import FakeAws
from tests.fake_aws.clients import client

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVE = """import json, sys
keys = json.load(open(__file__ + ".json"))
print(json.dumps({"Version": 1, **keys[sys.argv[1]]}))
"""
ASSUMED = ("AssumeRole", "AssumeRoleWithWebIdentity")
BARE = ("--session-name", "bare")
STATES = ("sso", "login", "machine", "process", "token")
EVERY = [*ROWS, *FAULTS]
IGNORED = {"Action", "Version", "WebIdentityToken"}


class Outcome(NamedTuple):
    """Who came out, the ARNs on the way included, and what AWS was told; or what went wrong."""

    who: tuple[str, ...] | None
    told: list[dict[str, str]]
    said: str


class Bench:
    """One AWS with all that the rows name, a home, and botocore at work."""

    def __init__(self, place: Path, program: str) -> None:
        self.place, self.program = place, program
        self.home = place / "home"
        (self.home / ".aws").mkdir(parents=True)
        self.aws = FakeAws().start()
        aws = self.aws
        self.users = {name: aws.add_user(name.title()) for name in ("bob", "eve")}
        bob, eve = self.users["bob"], self.users["eve"]
        device = aws.add_mfa(bob)
        roles = {name: aws.add_role(name, trust="*") for name in "abcd"}
        roles["safe"] = aws.add_role("safe", trust="*", mfa=True)
        roles["long"] = aws.add_role("long", trust="*", max_session_duration=43200)
        roles["far"] = aws.add_role("far", account="222222222222", trust="*")
        roles["web"] = aws.add_role(
            "web", trust="*", trusted_actions=["sts:AssumeRoleWithWebIdentity"]
        )
        aws.sso.add_role("Developer")
        self.machines = [
            [aws.add_role(name, trust="*") for name in ("task", "task-two")],
            [aws.add_role(name, trust="*") for name in ("machine", "machine-two")],
        ]
        self.script, self.token = place / "give.py", place / "token"
        self.script.write_text(GIVE)
        self.now: dict[str, int] = {}
        self.change(dict.fromkeys(STATES, 0))
        temporary = aws.issue(eve.owner, None, 3600)
        self.words = {
            "url": aws.url,
            "serial": device.serial,
            "token": str(self.token),
            "python": sys.executable,
            "script": str(self.script),
            "bob-arn": bob.arn,
            "temporary-id": temporary.access_key_id,
            "temporary-secret": temporary.secret_access_key,
            "temporary-token": str(temporary.session_token),
            **{name: role.arn for name, role in roles.items()},
        }
        for name, keys in self.users.items():
            self.words |= {
                name: f"aws_access_key_id = {keys.access_key_id}\naws_secret_access_key = {keys.secret_access_key}",
                f"{name}-id": keys.access_key_id,
                f"{name}-secret": keys.secret_access_key,
                f"give:{name}": f"{sys.executable} {self.script} {name}",
            }
        worker = Path(__file__).with_name("conformance_worker.py")
        self.botocore = subprocess.Popen(
            [sys.executable, str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": str(self.home)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.botocore.stdin is not None
        self.botocore.stdin.close()
        self.botocore.wait()
        self.aws.stop()

    def filled(self, text: str) -> str:
        """Put what stands for it in the place of each word in angle brackets."""
        return re.sub(r"<([\w:-]+)>", lambda match: self.words[match[1]], text)

    def environ(self, row: Row, cache: str) -> dict[str, str]:
        """Write a row's files, and give its environment. An empty variable is one that isn't there."""
        folder = self.place / f"row{EVERY.index(row)}"
        if not folder.exists():
            folder.mkdir()
            (folder / "config").write_text(self.filled(row.config))
            (folder / "credentials").write_text(self.filled(row.credentials))
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "NO_PROXY": "*",
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
            "AWSASSUME_CACHE_DIR": str(self.place / cache),
            **self.aws.environ(),
            **{name: self.filled(value) for name, value in row.environ.items()},
        }
        return {name: value for name, value in variables.items() if value}

    def ours(self, row: Row, cache: str, *options: str) -> Outcome:
        """Run awsassume."""
        seen = len(self.aws.calls())
        words = [self.program, self.filled(row.role), "--format", "process", *options]
        if row.role.startswith("<"):
            words += BARE
        if row.profile:
            words += ["--profile", row.profile]
        environ = self.environ(row, cache)
        done = subprocess.run(
            words,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode in {0, 2, 3, 4, 5}, f"{row.name}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        if done.returncode:
            assert done.stdout == ""
            return Outcome(None, self.told(seen), done.stderr)
        answer = json.loads(done.stdout)
        who = client(self.aws, answer).get_caller_identity()["Arn"]
        found = self.who(answer["AccessKeyId"])
        assert found[-1] == who
        return Outcome(found, self.told(seen), done.stderr)

    def change(self, states: dict[str, int]) -> None:
        """Let another be behind what a config names, with no change in it: 0 for the first and 1 for the second."""
        for name, state in states.items():
            if self.now.get(name) != state:
                getattr(self, f"_change_{name}")(state)
        self.now |= states

    def _change_sso(self, state: int) -> None:
        self.aws.sso.user = ("jane", "john")[state]
        url, cache = "https://example.awsapps.com/start", self.home / ".aws/sso/cache"
        self.aws.sso.write_token(cache, url)
        self.aws.sso.write_token(cache, url, session="corp", refreshable=True)

    def _change_login(self, state: int) -> None:
        bob, eve = self.users["bob"], self.users["eve"]
        cache = self.home / ".aws/login/cache"
        self.aws.signin.write_login(cache, bob.arn, (bob, eve)[state], seconds=3600)

    def _change_machine(self, state: int) -> None:
        metadata = self.aws.metadata
        metadata.container_role, metadata.instance_role = (each[state] for each in self.machines)

    def _change_process(self, state: int) -> None:
        printed = {
            name: {"AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key}
            for name, keys in self.users.items()
        }
        if state:
            printed["eve"] = printed["bob"]
        Path(f"{self.script}.json").write_text(json.dumps(printed))

    def _change_token(self, state: int) -> None:
        name = ("a-token", "another-token")[state]
        self.token.write_text(self.aws.add_web_identity(name, subject=name))

    def theirs(self, row: Row) -> Outcome:
        """Ask botocore."""
        seen = len(self.aws.calls())
        bare = row.role.startswith("<")
        asked = {
            "environ": self.environ(row, "unused"),
            "profile": row.profile if bare else row.role,
            "arn": self.filled(row.role) if bare else None,
        }
        assert self.botocore.stdin is not None
        assert self.botocore.stdout is not None
        self.botocore.stdin.write(json.dumps(asked) + "\n")
        self.botocore.stdin.flush()
        answer: dict[str, str] = json.loads(self.botocore.stdout.readline())
        who = self.who(answer["key"]) if "key" in answer else None
        return Outcome(who, self.told(seen), answer.get("error", ""))

    def who(self, access_key_id: str) -> tuple[str, ...]:
        """Give the ARNs on the way to a key's identity, and its own; the session name where it was given."""
        keys = self.aws.keys[access_key_id]
        return (*map(self.nameless, keys.lineage), keys.arn)

    @staticmethod
    def nameless(arn: str) -> str:
        """Take off a session name that nobody gave."""
        return re.sub(r"(:assumed-role/[^/]+)/(botocore-session-\d+|[^/]*@[^/]*)$", r"\1", arn)

    def told(self, seen: int) -> list[dict[str, str]]:
        """Give what AssumeRole was told since then, but for session names that nobody gave."""
        calls = [call for call in self.aws.calls()[seen:] if call.action in ASSUMED]
        return [self.plain(call.parameters) for call in calls]

    @staticmethod
    def plain(parameters: dict[str, str]) -> dict[str, Any]:
        """Leave out what is none of a parameter's matter."""
        name = parameters.get("RoleSessionName", "")
        skip = IGNORED | (
            {"RoleSessionName"} if re.match(r"botocore-session-\d+$|.*@(?!here)", name) else set()
        )
        return {key: value for key, value in parameters.items() if key not in skip}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, program: str) -> Iterator[Bench]:
    """Make the AWS that all rows share."""
    pytest.importorskip("awscrt")
    with Bench(tmp_path_factory.mktemp("conformance"), program) as made:
        yield made


def short(who: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Give the bare names of users and roles."""
    if who is None:
        return None
    return tuple(re.sub(r"^.*?:(?:user|assumed-role)/([^/]+).*$", r"\1", arn) for arn in who)


def same(ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> bool:
    """Whether two are the same, but for a session name that each made up."""
    if ours is None or theirs is None:
        return ours is theirs
    return [*map(Bench.nameless, ours)] == [*map(Bench.nameless, theirs)]


@pytest.mark.parametrize("row", EVERY, ids=[row.name for row in EVERY])
def test_we_are_who_botocore_is(row: Row, bench: Bench) -> None:
    """The same identity by the same way and with the same parameters; or the reason is given why not."""
    theirs = bench.theirs(row)
    ours = bench.ours(row, f"own-{EVERY.index(row)}")
    if row.why:
        assert short(ours.who) == row.ours, f"{ours}\n{theirs}"
        assert not same(ours.who, theirs.who) or ours.told != theirs.told, (
            "no difference: say no why"
        )
        return
    assert same(ours.who, theirs.who), f"ours: {ours}\nbotocore's: {theirs}"
    if row.parameters and ours.who:
        assert ours.told == theirs.told


def test_the_table_is_long_enough() -> None:
    """It holds sixty rows and more, each under a name of its own."""
    assert len({row.name for row in EVERY}) == len(EVERY) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_order_of_commands_makes_anybody_somebody_else(bench: Bench, seed: int) -> None:
    """Whatever others left in a cache that all rows share, each row is who it is now.

    Between the rows another person logs in, a process prints other keys, and a machine gets another role.
    """
    chance = random.Random(seed)
    rows = [*ROWS, *ROWS]
    chance.shuffle(rows)
    try:
        for index, row in enumerate(rows):
            bench.change({name: chance.randrange(2) for name in chance.sample(STATES, 2)})
            found = bench.ours(row, f"shared-{seed}")
            if row.why:
                # botocore is no judge of it; nobody's sessions are in a cache of its own.
                assert found.who == bench.ours(row, f"fresh-{seed}-{index}").who, row.name
            else:
                assert same(found.who, bench.theirs(row).who), f"{row.name}: {found}"
    finally:
        bench.change(dict.fromkeys(STATES, 0))
