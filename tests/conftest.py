"""What every test is given: a home of its own, the real program, and real shells.

The guard comes first. awsassume reads and writes below the home directory, so a test that forgot
to name another would work on the credentials of whoever runs the tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore import awsrequest

from tests.aws_files import lines_of, write
from tests.fake_aws.fixtures import aws
from tests.fake_aws.world import ASSUME
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

__all__ = ["REAL_ENVIRON", "Result", "aws", "need"]

REAL_ENVIRON = dict(os.environ)
"""The environment as the tests found it, for what must reach a package index, as pip does."""

# A run started in the background by a script ignores Ctrl-C, and one under nohup SIGHUP: so would every process
# that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for _ignored in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.SIG_DFL)

_CONTENT: Any = awsrequest.AWSResponse.content
_OURS = ("AWS_", "AWSASSUME_")
_WATCHED = (
    ".aws/config",
    ".aws/credentials",
    ".cache/awsassume",
    ".config/awsassume",
    ".local/share/awsassume",
    ".local/state/awsassume",
    "Library/Caches/awsassume",
)


def _scrub(environ: dict[str, str] | os._Environ[str]) -> None:
    for name in [name for name in environ if name.startswith(_OURS)]:
        del environ[name]


def _state(home: Path) -> dict[str, tuple[int, int]]:
    """Say what there is at the watched places below `home`: path to modification time and size."""
    seen = {}
    for place in _WATCHED:
        top = home / place
        for path in (top, *(top.rglob("*") if top.is_dir() else ())):
            if path.exists():
                status = path.stat()
                seen[str(path)] = (status.st_mtime_ns, status.st_size)
    return seen


class _Guard:
    """Fails a run of the tests that changed the AWS or awsassume files of the real home."""

    def __init__(self) -> None:
        self.home = Path(REAL_ENVIRON.get("HOME", "~")).expanduser()
        self.before = _state(self.home)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        after = _state(self.home)
        changed = sorted(
            path for path in self.before | after if self.before.get(path) != after.get(path)
        )
        if changed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            sys.stderr.write(f"\nthe tests touched the real home: {', '.join(changed)}\n")


def pytest_configure(config: pytest.Config) -> None:
    """Set the guard, and take AWS's and our variables away before anything is imported."""
    config.pluginmanager.register(_Guard(), "awsassume-guard")
    _scrub(os.environ)
    # What is made once for many tests is made before any of them has its home.
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["NO_PROXY"] = "*"


@pytest.fixture(autouse=True)
def _whole_answers() -> Iterator[None]:
    """Let botocore read whole answers again, where a test has read a config in its own process: that bounds them for good."""
    yield
    awsrequest.AWSResponse.content = _CONTENT  # type: ignore[method-assign]  # as bounded.py does


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home of its own, with nothing but two empty AWS files; its environment knows no other."""
    place = tmp_path / "home"
    (place / ".aws").mkdir(parents=True)
    for name in ("config", "credentials"):
        (place / ".aws" / name).touch()
    for name in [name for name in os.environ if name.startswith((*_OURS, "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / ".cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(place / ".local/share"))
    monkeypatch.setenv("XDG_STATE_HOME", str(place / ".local/state"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(place / ".aws/config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(place / ".aws/credentials"))
    monkeypatch.setenv("AWSASSUME_CACHE_DIR", str(tmp_path / "cache"))
    # An SDK that finds no credentials must not go looking for a cloud machine's.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Nor may anything but loopback be reached by way of somebody's proxy.
    monkeypatch.setenv("NO_PROXY", "*")
    return place


@pytest.fixture(autouse=True)
def _no_secret_in_the_open(
    request: pytest.FixtureRequest, home: Path, tmp_path: Path
) -> Iterator[None]:
    """Search what a test's runs keep beside sessions for every secret that the test's AWS knows."""
    yield
    aws = request.node.funcargs.get("aws")
    if aws is None:
        return
    from tests.searching import found_below, secrets_of

    for cache in (
        tmp_path / "cache/awsassume",
        home / ".cache/awsassume",
        home / "cache/awsassume",
    ):
        for name, found in found_below(cache, secrets_of(aws)).items():
            folder, _, file = name.rpartition("/")
            assert folder == "sessions", f"{cache}/{name} holds {found}"
            # What a test has moved aside is a session still.
            assert "." not in file or file.startswith("aside-"), f"{cache}/{name} holds {found}"


@pytest.fixture
def bob(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Give Bob, whose keys are the default profile's, and the article's role beside a profile for it.

    Every process of the test calls the fake AWS.
    """
    keys = aws.add_user("Bob", allow=[*ASSUME, "iam:ListRoles"])
    role = aws.add_role("example-role")
    write(
        home,
        f"[default]\nregion = us-east-1\n"
        f"[profile example]\nrole_arn = {role.arn}\nsource_profile = default\n",
        f"[default]\n{lines_of(keys)}",
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    return keys


@pytest.fixture(scope="session")
def program() -> str:
    """Return the path of the console script under test: the one beside this interpreter."""
    path = Path(sys.executable).parent / "awsassume"
    assert path.exists(), f"no {path}: run the tests with the Python of `make venv`"
    return str(path)


@pytest.fixture(scope="session")
def aws_cli() -> str:
    """Return the path of the real AWS CLI, installed beside this interpreter."""
    path = Path(sys.executable).parent / "aws"
    assert path.exists(), f"no {path}: run the tests with the Python of `make venv`"
    return str(path)


@dataclass(frozen=True)
class Result:
    """What a process that has ended left behind; `str()` shows all of it."""

    args: Sequence[str]
    code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return (
            f"ran: {' '.join(self.args)}\nexit code: {self.code}\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}\n---"
        )


@pytest.fixture
def run(program: str) -> Callable[..., Result]:
    """Return a function that runs the real program and shows both streams when it disappoints.

    `run("example", "--format", "env", code=0, stdin="", environ={"AWS_PROFILE": None}, cwd=None)`.
    In `environ`, None takes a variable away. With `code=None` any exit code will do.
    `argv` replaces the program, as `argv=("bash", "-c", "…")` does.
    """

    def run(
        *args: str,
        code: int | None = 0,
        stdin: str = "",
        environ: Mapping[str, str | None] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        argv: Sequence[str] | None = None,
        timeout: float = BOUND,
    ) -> Result:
        merged = {**os.environ, **(environ or {})}
        line = [*(argv if argv is not None else (program,)), *args]
        done = subprocess.run(
            line,
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env={name: value for name, value in merged.items() if value is not None},
            cwd=cwd,
            timeout=timeout,
        )
        result = Result(line, done.returncode, done.stdout, done.stderr)
        if code is not None and result.code != code:
            pytest.fail(f"expected exit code {code}\n{result}", pytrace=False)
        return result

    return run


def need(program: str) -> str:
    """Return the path of `program`. A missing one skips the test at home, and fails it under CI."""
    path = shutil.which(program)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is missing; CI must have it (see .ci/run)", pytrace=False)
        pytest.skip(f"{program} is not installed")
    return path


@pytest.fixture
def shell() -> Callable[[str], str]:
    """Return `need`: `shell("zsh")` is the path of zsh, or the test ends here."""
    return need


def pytest_report_header() -> Iterator[str]:
    """Name what the tests run against."""
    yield f"awsassume under test: {Path(sys.executable).parent / 'awsassume'}"
