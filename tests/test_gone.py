"""The program is gone, and the function still loaded: it says so, gives back what the shell had, and the prompt is silent."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsassume import shims
from tests.fake_aws.aws import FakeAws
from tests.shimming import SHELLS, Place, dump

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = "awsassume: the program is not installed any more, where this shell has it from\n"
every_shell = pytest.mark.parametrize("shell", SHELLS)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Yield a place with an installation of its own, which `rm -rf program` takes away."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path / "bob")
        here = Path(shims.__file__).parent
        shutil.copytree(here, place.home / "program/awsassume")
        main = str(place.home / "program/awsassume/__main__.py")
        for shell in SHELLS:
            text = shims.script(shell, [sys.executable, "-I", "-S", main])
            (place.home / f"shim.{shell}").write_text(text)
        yield place


def setting(shell: str, name: str, value: str) -> str:
    """Return the line that exports a variable."""
    return f"set -gx {name} {value}" if shell == "fish" else f"export {name}={value}"


BEFORE = {
    "nothing": {},
    "profile": {"AWS_PROFILE": "it's \\ me", "AWS_DEFAULT_PROFILE": "süd&=+%41"},
    "region": {"AWS_REGION": "here", "AWS_DEFAULT_REGION": "there"},
    "rivals": {"AWS_ACCOUNT_ID": "123456789012", "AWS_BEARER_TOKEN_BEDROCK": "a b\tc"},
    "newline": {"AWS_CREDENTIAL_SCOPE": "two\nlines"},
}


@every_shell
@pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])
@pytest.mark.parametrize("what", BEFORE)
def test_clear_works_without_the_program(what: str, strict: bool, shell: str, place: Place) -> None:
    """What AWSASSUME_SAVED remembers is enough to give the shell back byte for byte."""
    environ = {"AWS_PROFILE": "default"} if what != "profile" else {}
    script = [
        dump("before"),
        "awsassume --profile default example-role",
        dump("during"),
        "rm -rf program",
        "awsassume --clear",
        dump("after"),
    ]
    done = place.run(shell, "\n".join(script), strict=strict, environ={**environ, **BEFORE[what]})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert place.dumped("during")["AWSASSUME_ROLE"] == "example-role"
    assert place.dumped("after") == place.dumped("before")


@every_shell
def test_what_was_set_since_stays(shell: str, place: Place) -> None:
    """A region that the user exported after the role was taken is the user's; so are other keys no longer."""
    script = [
        "awsassume example",
        setting(shell, "AWS_REGION", "us-west-2"),
        setting(shell, "AWS_PROFILE", "mine"),
        "rm -rf program",
        "awsassume --clear",
        dump("after"),
    ]
    done = place.run(shell, "\n".join(script), environ={"AWS_REGION": "here"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = place.dumped("after")
    assert after["AWS_REGION"] == "us-west-2"
    assert after["AWS_PROFILE"] == "mine"
    assert "AWS_ACCESS_KEY_ID" not in after
    assert "AWSASSUME_SAVED" not in after


@every_shell
@pytest.mark.parametrize(
    "line", ["awsassume example", "awsassume --whoami", "awsassume example -- true"]
)
def test_every_other_call_says_so(line: str, shell: str, place: Place) -> None:
    """One line and what to do next; the status is that of a command that is not there."""
    status = "$status" if shell == "fish" else "$?"
    done = place.run(shell, f"rm -rf program\n{line}\necho {status}")
    assert done.stdout == "127\n"
    assert done.stderr.startswith(GONE)


@every_shell
def test_eval_fails(shell: str, place: Place) -> None:
    """What reads the call fails as well, and --clear takes effect through it."""
    evaluated = "eval (awsassume {})" if shell == "fish" else 'eval "$(awsassume {})"'
    follow = "; and echo WENT-ON" if shell == "fish" else " && echo WENT-ON"
    script = [
        "awsassume example",
        "rm -rf program",
        f"{evaluated.format('example')}{follow}",
        evaluated.format("--clear"),
        dump("after"),
    ]
    done = place.run(shell, "\n".join(script))
    assert done.stdout == ""
    assert done.stderr.startswith(GONE)
    assert "AWS_ACCESS_KEY_ID" not in place.dumped("after")


@every_shell
def test_the_prompt_is_silent(shell: str, place: Place) -> None:
    """The hook of a session that has ended starts nothing, and says nothing."""
    script = [
        "awsassume example",
        setting(shell, "AWSASSUME_EXPIRATION", "1"),
        "rm -rf program",
        "__awsassume_hook\n__awsassume_hook",
    ]
    done = place.run(shell, "\n".join(script))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
