"""A config file that can't be read is an error with the system's reason, and never an empty one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

ARN = "arn:aws:iam::123456789012:role/example-role"
VARIABLES = {"config": "AWS_CONFIG_FILE", "credentials": "AWS_SHARED_CREDENTIALS_FILE"}
POWERS = "-dac_override,-dac_read_search"


@pytest.fixture
def world(bob: Keys, aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home whose files name Bob, on a machine that is somebody too; give its .aws."""
    aws.metadata.container_role = aws.add_role("container", trust="*", allow=["*"])
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/container/credentials")
    write(
        home,
        f"[profile example]\nrole_arn = {ARN}\nsource_profile = bob\n",
        f"[bob]\n{lines_of(bob)}",
    )
    # Both stand where they always do; no variable names them.
    for name in VARIABLES.values():
        monkeypatch.delenv(name)
    return home / ".aws"


def _directory(path: Path) -> None:
    path.mkdir()


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        # Its address must be short.
        here = os.open(path.parent, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


IN_THE_WAY = {
    "a directory": (_directory, "Is a directory"),
    "a link to nothing": (_link_to_nothing, "is a link to nothing: No such file or directory"),
    "a link to itself": (_link_to_itself, "Too many levels of symbolic links"),
    "a pipe": (_pipe, "it is a pipe, and no file"),
    "a socket": (_socket, "it is a socket, and no file"),
    "a device": (_device, "it is no file"),
}


def refused(said: Result, path: Path, reason: str) -> None:
    """Hold a failure that says which file, and why; nothing but `false` came out."""
    assert said.stdout == "false;\n"
    first = said.stderr.splitlines()[0]
    assert first.startswith(f"awsassume: {path} can't be read: "), said
    assert reason in first


@pytest.mark.parametrize("what", IN_THE_WAY)
@pytest.mark.parametrize(
    "name, named",
    [("config", True), ("credentials", False)],
    ids=["the config that a variable names", "the credentials where they always are"],
)
def test_what_is_no_file_is_an_error(
    world: Path,
    aws: FakeAws,
    run: Callable[..., Result],
    what: str,
    name: str,
    named: bool,
) -> None:
    """Neither a role of the profile's name nor the machine's own credentials are taken."""
    make, reason = IN_THE_WAY[what]
    path = world / "elsewhere" if named else world / name
    path.unlink(missing_ok=True)
    make(path)
    environ = {VARIABLES[name]: str(path)} if named else {}
    refused(run("example" if named else ARN, environ=environ, code=3), path, reason)
    assert aws.calls() == []


def denied() -> tuple[str, ...]:
    """Give the words before a program to which permissions mean something: root's powers are taken from it."""
    if os.geteuid():
        return ()
    setpriv = shutil.which("setpriv")
    words = (str(setpriv), f"--inh-caps={POWERS}", f"--bounding-set={POWERS}")
    if setpriv is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("root reads everything here, and can't give that up")
    return words


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("owner", ["ours", "another's"])
def test_a_file_that_may_not_be_read_is_an_error(
    world: Path,
    aws: FakeAws,
    run: Callable[..., Result],
    program: str,
    name: str,
    owner: str,
) -> None:
    """Permission is denied to the whole program; what it remembers of the time before is no answer."""
    before = denied()
    run("example", argv=(*before, program))
    assert run("example", argv=(*before, program)).stdout
    seen = len(aws.calls())
    path = world / name
    path.chmod(0)
    if owner == "another's":
        if os.geteuid():
            pytest.skip("only root can give a file to another user")
        path.chmod(0o600)
        os.chown(path, 65534, 65534)
    refused(run("example", argv=(*before, program), code=3), path, "Permission denied")
    assert len(aws.calls()) == seen


@pytest.mark.parametrize("words", [("example",), (ARN,)], ids=["a profile", "an ARN"])
def test_a_folder_that_may_not_be_entered_is_an_error(
    world: Path, run: Callable[..., Result], program: str, words: tuple[str, ...]
) -> None:
    """Nobody can tell whether there are files in it."""
    before = denied()
    world.chmod(0)
    try:
        said = run(*words, argv=(*before, program), code=3)
    finally:
        world.chmod(0o700)
    refused(said, world / "config", "Permission denied")


def test_a_file_in_the_place_of_the_folder_is_an_error(
    world: Path, run: Callable[..., Result]
) -> None:
    """So is a link that leads nowhere."""
    shutil.rmtree(world)
    world.write_text("")
    refused(run("example", code=3), world / "config", "Not a directory")
    world.unlink()
    world.symlink_to("gone")
    refused(run(ARN, code=3), world / "config", f"{world} is a link to gone: No such file")


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize(
    "words, environ",
    [
        (("example",), {}),
        (("123456789012:example-role",), {}),
        ((ARN, "--profile", "bob"), {}),
        ((ARN,), {"AWS_PROFILE": "bob"}),
    ],
    ids=["a word", "an account's role", "--profile", "AWS_PROFILE"],
)
def test_a_file_that_a_variable_names_is_there_where_a_profile_could_be_meant(
    world: Path,
    aws: FakeAws,
    run: Callable[..., Result],
    name: str,
    words: tuple[str, ...],
    environ: dict[str, str],
) -> None:
    """A word would be taken for a role's name otherwise, and the machine for its source."""
    gone = str(world / "gone")
    said = run(*words, environ={**environ, VARIABLES[name]: gone}, code=3)
    assert said.stdout == "false;\n"
    assert f"{VARIABLES[name]} names {gone}, which is not there" in said.stderr
    assert aws.calls() == []


def test_with_an_arn_and_no_profile_it_is_as_empty_as_for_sdks(
    world: Path, run: Callable[..., Result], bob: Keys
) -> None:
    """Keys in the environment need no file."""
    environ = {name: str(world / "gone") for name in VARIABLES.values()}
    environ |= {
        "AWS_ACCESS_KEY_ID": bob.access_key_id,
        "AWS_SECRET_ACCESS_KEY": bob.secret_access_key,
    }
    run(ARN, "--format", "process", environ=environ)


def test_a_null_device_is_empty_on_purpose(world: Path, run: Callable[..., Result]) -> None:
    """By its name, and by a link to it; a word is a role's name then."""
    link = world / "link"
    link.symlink_to(os.devnull)
    for path in (os.devnull, str(link)):
        environ = dict.fromkeys(VARIABLES.values(), path)
        run("example-role", "--format", "process", environ=environ)


def test_files_that_are_not_where_they_always_are_are_empty(
    world: Path, run: Callable[..., Result]
) -> None:
    """A machine of AWS's has none."""
    shutil.rmtree(world)
    run("example-role", "--format", "process")
    run("example-role", "--format", "process", environ={"HOME": "/dev/null"})


@pytest.mark.parametrize("name", VARIABLES.values())
def test_a_variable_that_is_empty_is_an_error(
    world: Path, run: Callable[..., Result], name: str
) -> None:
    """To botocore it names an empty file, and to others the one where it always is."""
    assert world.exists()
    said = run(ARN, environ={name: ""}, code=3)
    assert f"{name} is empty" in said.stderr
