"""What an older awsassume remembered is not believed by a newer one: real copies of the program, one cache."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsassume

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

PACKAGE = Path(awsassume.__file__).parent
FAULT = ('Given(profile.role_arn or ""', 'Given("arn:aws:iam::123456789012:role/wrong"')
"""What is right in `plan.py`, and what stands there in an older version, which takes another role for every profile."""


def install(folder: Path, *, faulty: bool) -> Path:
    """Put a copy of the program into a folder; return the file that starts it."""
    shutil.copytree(PACKAGE, folder / "awsassume", ignore=shutil.ignore_patterns("__pycache__"))
    if faulty:
        plan = folder / "awsassume/plan.py"
        text = plan.read_text()
        assert FAULT[0] in text
        plan.write_text(text.replace(*FAULT))
    settle()
    return folder / "awsassume/__main__.py"


def settle() -> None:
    """Let the clock of the file system go on."""
    until = time.time_ns() + 50_000_000
    while time.time_ns() < until:
        time.sleep(0.01)


def in_place(folder: Path) -> None:
    """Write the mended module into the file that is there, as some editors do."""
    (folder / "awsassume/plan.py").write_text((PACKAGE / "plan.py").read_text())


def by_another_file(folder: Path) -> None:
    """Put the mended module in the file's place, as git and most editors do."""
    new = folder / "awsassume/plan.py.new"
    shutil.copy(PACKAGE / "plan.py", new)
    new.rename(folder / "awsassume/plan.py")


def with_its_old_times(folder: Path) -> None:
    """Do the same, and give the file the modification time of the one before, as reproducible packages do."""
    before = (folder / "awsassume/plan.py").stat()
    by_another_file(folder)
    os.utime(folder / "awsassume/plan.py", ns=(before.st_atime_ns, before.st_mtime_ns))


def whole(folder: Path) -> None:
    """Install the newer version over the older one, as pip does."""
    shutil.rmtree(folder / "awsassume")
    install(folder, faulty=False)


@pytest.fixture
def take(
    aws: FakeAws, bob: Keys, run: Callable[..., Result]
) -> Callable[[Path], str]:  # Bob's keys are in his files
    """Return what takes profile `example` by a copy of the program, and gives the ARN that one is then."""
    aws.add_role("wrong", trust=bob)

    def take(main: Path) -> str:
        line = (sys.executable, "-I", "-S", str(main), "example", "--credential-process")
        key = json.loads(run(argv=line).stdout)["AccessKeyId"]
        return aws.keys[key].arn

    return take


@pytest.mark.slow
@pytest.mark.parametrize(
    "place, change",
    [
        ("checkout", in_place),
        ("checkout", by_another_file),
        ("lib/python3/site-packages", by_another_file),
        ("lib/python3/site-packages", with_its_old_times),
        ("lib/python3/dist-packages", whole),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_mended_program_does_not_believe_the_faulty_one(
    place: str, change: Callable[[Path], None], take: Callable[[Path], str], tmp_path: Path
) -> None:
    """However the newer version came into the older one's place: the role is the one that the profile names."""
    folder = tmp_path / place
    main = install(folder, faulty=True)
    for _ in range(2):
        assert ":assumed-role/wrong/" in take(main)
    change(folder)
    settle()
    assert ":assumed-role/example-role/" in take(main)


def test_another_installation_does_not_believe_it_either(
    take: Callable[[Path], str], tmp_path: Path
) -> None:
    """Two versions beside each other, of two tools' virtual environments, share the cache of their user."""
    old = install(tmp_path / "old/site-packages", faulty=True)
    new = install(tmp_path / "new/site-packages", faulty=False)
    assert ":assumed-role/wrong/" in take(old)
    assert ":assumed-role/example-role/" in take(new)
    assert ":assumed-role/wrong/" in take(old)


def test_the_same_program_is_believed(
    aws: FakeAws, take: Callable[[Path], str], tmp_path: Path
) -> None:
    """Nothing is asked a second time for the sake of it."""
    main = install(tmp_path / "checkout", faulty=False)
    take(main)
    calls = len(aws.calls())
    kept = sorted((tmp_path / "cache/awsassume/recall").iterdir())
    times = [path.stat().st_mtime_ns for path in kept]
    take(main)
    assert len(aws.calls()) == calls
    assert [
        path.stat().st_mtime_ns for path in sorted((tmp_path / "cache/awsassume/recall").iterdir())
    ] == (times)
