"""What the tests of holding out share: a user, a role, and many awsassume processes at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import awsassume
from awsassume import sessions
from awsassume.credentials import Credentials
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws

MAIN = str(Path(awsassume.__file__).parent / "__main__.py")
COMMAND = [sys.executable, "-I", "-S", MAIN]
"""awsassume as the shims and the printed profile start it."""
EXIT_CODES = {0, 2, 3, 4, 5, 130}
MANY = """\
i=0
while [ $i -lt "$COUNT" ]; do
    "$@" >"$OUT/$i.out" 2>"$OUT/$i.err" &
    pids="$pids $!"
    i=$((i + 1))
done
i=0
for pid in $pids; do
    wait $pid
    echo $? >"$OUT/$i.code"
    i=$((i + 1))
done
echo ALL DONE
"""
"""A script that runs its arguments so often at once, and keeps what each of them said."""


class Bench:
    """Bob, who may become `example-role`, his home, and his cache."""

    def __init__(self, aws: FakeAws, home: Path, tmp_path: Path) -> None:
        """Write Bob's files."""
        self.aws = aws
        self.home = home
        self.tmp_path = tmp_path
        self.cache = tmp_path / "cache" / "awsassume"
        self.bob = aws.add_user("Bob")
        self.role = aws.add_role("example-role", trust=self.bob)
        keys = "\n".join(f"{name.lower()} = {text}" for name, text in self.bob.environ.items())
        self.credentials_file = home / ".aws" / "credentials"
        self.credentials_file.write_text(f"[default]\n{keys}\n")
        self.config_file = home / ".aws" / "config"
        self.config_file.write_text("[default]\nregion = eu-west-1\n")
        self.environ = {**os.environ, **aws.environ()}

    def run(
        self,
        *words: str,
        code: int | None = 0,
        environ: Mapping[str, str | None] | None = None,
        prefix: Sequence[str] = (),
        timeout: float = BOUND,
        **more: Any,  # noqa: ANN401 - what subprocess.run takes
    ) -> Result:
        """Run awsassume to its end, behind the words of `prefix` if any."""
        from tests.conftest import Result

        merged = {**self.environ, **(environ or {})}
        more.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(
            [*prefix, *COMMAND, *words],
            check=False,
            capture_output=True,
            env={name: value for name, value in merged.items() if value is not None},
            timeout=timeout,
            **more,
        )
        result = Result(
            words,
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )
        if code is not None and result.code != code:
            pytest.fail(f"expected exit code {code}\n{result}", pytrace=False)
        assert "Traceback" not in result.stderr, str(result)
        assert "this is a bug" not in result.stderr, str(result)
        return result

    def take(self, **more: Any) -> dict[str, str]:  # noqa: ANN401 - see run
        """Take the role by credential_process, and return what an SDK gets, checked."""
        return self.good(self.run("example-role", "--credential-process", **more).stdout)

    def good(self, text: str) -> dict[str, str]:
        """Return the credentials in a text, which are the role's and last."""
        if text.startswith("{"):
            found = json.loads(text)
            key, token = found["AccessKeyId"], found["SessionToken"]
            secret = found["SecretAccessKey"]
        else:
            found = dict(re.findall(r"export (\w+)='([^']*)'", text))
            key, token = found["AWS_ACCESS_KEY_ID"], found["AWS_SESSION_TOKEN"]
            secret = found["AWS_SECRET_ACCESS_KEY"]
        issued = self.aws.keys[key]
        assert (secret, token) == (issued.secret_access_key, issued.session_token)
        assert ":assumed-role/example-role/" in issued.arn
        assert issued.expiration is not None
        assert issued.expiration > time.time()
        return {"key": key}

    def many(self, count: int, *words: str, format: str = "env") -> list[Result]:  # noqa: A002
        """Run awsassume so often at once, and return what came of each."""
        out = self.tmp_path / "many"
        out.mkdir(exist_ok=True)
        for path in out.iterdir():
            path.unlink()
        environ = {
            **self.environ,
            "OUT": str(out),
            "COUNT": str(count),
            "AWSASSUME_SHELL": format,
        }
        line = ["sh", "-c", MANY, "sh", *COMMAND, *words]
        subprocess.run(line, check=True, env=environ, stdin=subprocess.DEVNULL, timeout=280)
        return self.results(count)

    def results(self, count: int) -> list[Result]:
        """Return what so many processes left behind."""
        from tests.conftest import Result

        out = self.tmp_path / "many"
        return [
            Result(
                [str(index)],
                int((out / f"{index}.code").read_text()),
                (out / f"{index}.out").read_text(),
                (out / f"{index}.err").read_text(),
            )
            for index in range(count)
        ]

    def counts(self) -> dict[str, int]:
        """Return how often each action was called so far."""
        found: dict[str, int] = {}
        for call in self.aws.calls():
            found[call.action] = found.get(call.action, 0) + 1
        return found

    @property
    def session_files(self) -> list[Path]:
        """The files of sessions."""
        folder = self.cache / "sessions"
        return [path for path in folder.iterdir() if "." not in path.name]

    def age(self, seconds: int) -> None:
        """Let every session be so much older, in AWS's books and in ours."""
        self.aws.expire_now()
        for path in self.session_files:
            found = sessions.read(str(self.cache), path.name)
            assert found is not None
            old = found.credentials
            until = None if old.expiration is None else old.expiration - seconds
            keys = (old.access_key_id, old.secret_access_key, old.session_token)
            aged = sessions.Session(
                Credentials(*keys, until, old.account_id), found.issued - seconds, found.about
            )
            sessions.write(str(self.cache), path.name, aged)

    def leftovers(self) -> list[str]:
        """Return the temporary files in the cache."""
        return [str(path) for path in self.cache.rglob(".tmp-*")]


@pytest.fixture
def bench(aws: FakeAws, home: Path, tmp_path: Path) -> Bench:
    """Return Bob at his bench."""
    return Bench(aws, home, tmp_path)
