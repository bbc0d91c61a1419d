"""The wheel, under every Python of this machine that awsassume supports."""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsassume import __version__
from tests.conftest import REAL_ENVIRON, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws.aws import FakeAws

ROOT = Path(__file__).parents[1]
OLDEST = 11

# Debian may give a Python without what makes virtual environments: not one to install under.
_ASK = "import ensurepip, sys, venv; print(sys._base_executable or sys.executable)"


def _usable(candidate: str) -> str | None:
    done = subprocess.run(
        (candidate, "-I", "-c", _ASK), check=False, capture_output=True, text=True, env=REAL_ENVIRON
    )
    # pyenv's shim of a version that is not chosen fails.
    return done.stdout.strip() if done.returncode == 0 else None


def interpreters() -> dict[str, str]:
    """Return every supported Python here: version, as 3.12, to the path of its executable."""
    pyenv = REAL_ENVIRON.get("PYENV_ROOT") or f"{REAL_ENVIRON.get('HOME', '/')}/.pyenv"
    folders = [
        *glob.glob(f"{pyenv}/versions/*/bin"),
        *REAL_ENVIRON.get("PATH", os.defpath).split(os.pathsep),
    ]
    found = {f"3.{sys.version_info[1]}": _usable(sys.executable)}
    for path in (path for folder in folders for path in sorted(glob.glob(f"{folder}/python3.*"))):
        named = re.fullmatch(r"python(3\.(\d+))", os.path.basename(path))
        if named and int(named[2]) >= OLDEST and not found.get(named[1]):
            found[named[1]] = _usable(path)
    return {version: path for version, path in sorted(found.items()) if path}


def _must(*args: str) -> None:
    """Run what needs the real environment, as pip does, for its index; fail with all it said."""
    done = subprocess.run(args, check=False, capture_output=True, text=True, env=REAL_ENVIRON)
    if done.returncode != 0:
        pytest.fail(str(Result(args, done.returncode, done.stdout, done.stderr)), pytrace=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the wheel from this checkout; return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    _must(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return str(built)


@pytest.fixture(scope="module", params=interpreters().items(), ids=lambda found: found[0])
def installed(
    request: pytest.FixtureRequest, wheel: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Install the wheel, and no more than it asks for, under one Python; return its `bin`."""
    version, executable = request.param
    place = tmp_path_factory.mktemp(f"python{version}")
    _must(executable, "-m", "venv", str(place))
    _must(str(place / "bin/python"), "-m", "pip", "install", "-qq", "--upgrade", "pip")
    _must(str(place / "bin/python"), "-m", "pip", "install", "-qq", wheel)
    return place / "bin"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_works_under(
    installed: Path, home: Path, run: Callable[..., Result], aws: FakeAws
) -> None:
    """The console script and `python -m awsassume` both answer, and find what the wheel brought."""
    bob = aws.add_user("Bob", allow=["iam:ListRoles", "sts:AssumeRole"])
    aws.add_role("example-role", trust=bob)
    (home / ".aws/credentials").write_text(
        "[bob]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = made/up\n"
    )
    for argv in ((str(installed / "awsassume"),), (str(installed / "python"), "-m", "awsassume")):
        told = run("--version", argv=argv, cwd=home)
        assert told.stdout.strip().endswith(__version__), told
        assert "--credential-process" in run("--help", argv=argv, cwd=home).stdout
        # A profile without a role exports its own credentials, which asks nobody.
        lines = run("bob", "--format", "env", argv=argv, cwd=home).stdout
        assert "AKIAIOSFODNN7EXAMPLE" in lines
        refused = run("nobody", "--profile", "missing", argv=argv, cwd=home, code=3)
        assert refused.stdout.strip().rstrip(";") == "false", refused
        assert "Traceback" not in refused.stderr, refused
        told = run("example-role", "--format", "process", argv=argv, environ=aws.environ(bob))
        assert json.loads(told.stdout)["AccessKeyId"].startswith("ASIA"), told
        for name in ("bash", "zsh", "fish"):
            assert "awsassume" in run("--init", name, argv=argv, cwd=home).stdout
    assert (installed.parent / "share/man/man1/awsassume.1").read_text().startswith(".\\")
    assert len(aws.calls("AssumeRole")) == 1
