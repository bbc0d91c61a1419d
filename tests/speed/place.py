"""A place to measure in: a loopback AWS, a home, and each program in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from awsassume import folders, recall, record, sessions
from tests.fake_aws.control import Remote

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
MANY = 10_000
ROLE = "arn:aws:iam::123456789012:role/example-role"
BARE = f"""\
import boto3
answer = boto3.client("sts").assume_role(RoleArn="{ROLE}", RoleSessionName="Bob")["Credentials"]
print("export AWS_ACCESS_KEY_ID=" + answer["AccessKeyId"])
print("export AWS_SECRET_ACCESS_KEY=" + answer["SecretAccessKey"])
print("export AWS_SESSION_TOKEN=" + answer["SessionToken"])
"""


def say(text: str) -> None:
    """Tell a waiting person what goes on."""
    sys.stderr.write(f"{text}\n")


def must(*command: str) -> str:
    """Run a command; end the whole when it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


class Place:
    """Everything lies below `folder`; the environments hold nothing of the caller's but PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "awsassume"
        self.home = folder / "home"
        self.printed = folder / "printed.json"
        self.bare = folder / "bare.py"
        self.bare.write_text(BARE)
        self.server = subprocess.Popen(
            (sys.executable, "-m", "tests.fake_aws"), stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.server.stdout
        self.remote = Remote(self.server.stdout.readline().strip())
        keys = self.remote.ask("state", users=[{"name": "Bob"}], roles=[{"name": "example-role"}])
        self._write_config(keys["users"][0])
        self.environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "AWSASSUME_CACHE_DIR": str(folder),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }

    def _write_config(self, keys: dict[str, str]) -> None:
        (self.home / ".aws").mkdir(parents=True)
        where = f"region = us-east-1\nendpoint_url = {self.remote.url}\n"
        role = f"role_arn = {ROLE}\nsource_profile = default\nrole_session_name = Bob\n{where}"
        text = f"[default]\n{where}[profile example]\n{role}"
        text += f"[profile by-process]\n{role.replace('= default', '= process')}"
        text += f"[profile process]\ncredential_process = cat {self.printed}\n{where}"
        self.printed.write_text(
            json.dumps(
                {
                    "Version": 1,
                    "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
                    "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
                }
            )
        )
        (self.home / ".aws/config").write_text(text)
        self.many_profiles = self.folder / "config-of-many"
        many = (f"[profile role-{number}]\n{role}" for number in range(MANY))
        self.many_profiles.write_text(text + "".join(many))
        (self.home / ".aws/credentials").write_text(
            f"[default]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n"
        )

    def install(self, *packages: str) -> Path:
        """Install from the package index into a new virtual environment; return its `bin`."""
        say(f"installing {' '.join(packages)}")
        folder = self.folder / f"venv-{Path(packages[0]).name}"
        must(sys.executable, "-m", "venv", str(folder))
        python = str(folder / "bin/python")
        must(python, "-m", "pip", "install", "-qq", "--upgrade", "pip")
        must(python, "-m", "pip", "install", "-qq", *packages)
        return folder / "bin"

    def install_ours(self) -> Path:
        """Build the wheel of this checkout and install it as a user would; return the `bin`."""
        must(sys.executable, "-m", "build", "--wheel", "--outdir", str(self.folder), str(ROOT))
        (wheel,) = self.folder.glob("*.whl")
        bin_ = self.install(str(wheel))
        package = must(str(bin_ / "python"), "-c", "import awsassume; print(awsassume.__path__[0])")
        self.main = f"{package.strip()}/__main__.py"
        return bin_

    def fill_cache(self) -> None:
        """Put ten thousand sessions of other roles into the cache."""
        folders.make(str(self.cache))
        folder = self.cache / sessions.FOLDER
        folders.make(str(folder))
        now = int(time.time())
        pairs = [
            ("access_key_id", "ASIAIOSFODNN7EXAMPLE"),
            ("secret_access_key", "made/up"),
            ("session_token", "x" * 400),
            ("expiration", str(now + 3600)),
            ("issued", str(now)),
            ("role_arn", ROLE),
        ]
        for number in range(MANY):
            path = folder / f"{number:040x}"
            path.touch(0o600)
            place = ("place", f"{sessions.FOLDER}/{path.name}")
            path.write_bytes(record.dump([place, *pairs]))

    def forget(self) -> None:
        """Empty the cache."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def forgetting(self) -> list[str]:
        """Return the command that makes the next call a first one, but leaves other roles' sessions."""
        known = {path.name for path in (self.cache / sessions.FOLDER).glob("0*")}
        files = (self.cache / sessions.FOLDER).iterdir()
        own = [str(path) for path in files if path.name not in known and path.name[0] != "."]
        return ["rm", "-rf", str(self.cache / recall.FOLDER), *own]

    def calls(self) -> int:
        """Return how many AssumeRole calls there were since this was asked last."""
        count = len(self.remote.calls("AssumeRole"))
        self.remote.ask("clear-calls")
        return count

    def stop(self) -> None:
        """Stop the loopback AWS."""
        self.server.terminate()
        self.server.wait()


def version_of(command: Sequence[str]) -> str:
    """Return the first line of what a program says of its version."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().partition("\n")[0]
