"""A session is filed under its own profile's name: a name that failed is not listed, nor offered, as live."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from awsassume import completion, inventory, recent, sessions
from awsassume.config import Config
from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws

OTHER = "210987654321"
PROCESS = "--credential-process"


@pytest.fixture
def bob(aws: FakeAws, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """Return an AWS where Bob has a role in another account, one behind that, a process and a sign-on."""
    keys = aws.add_user("Bob")
    there = aws.add_role("there", account=OTHER, trust=keys)
    behind = aws.add_role("behind", account=OTHER, trust=there)
    printed = {
        "Version": 1,
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
    }
    (tmp_path / "printed").write_text(json.dumps(printed))
    write(
        home,
        f"[default]\nregion = us-east-1\n"
        f"[profile other]\nrole_arn = {there.arn}\nsource_profile = default\n"
        f"[profile further]\nrole_arn = {behind.arn}\nsource_profile = other\n"
        f"[profile given]\ncredential_process = cat {tmp_path}/printed\n"
        f"[profile by-given]\nrole_arn = {there.arn}\nsource_profile = given\n",
        f"[default]\n{lines_of(keys)}",
    )
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    return aws


@pytest.fixture
def rows(run: Callable[..., Result]) -> Callable[[], dict[str, dict[str, Any]]]:
    """Return a function that gives what --list --json says, by name."""

    def rows() -> dict[str, dict[str, Any]]:
        said: list[dict[str, Any]] = json.loads(run("--list", "--json").stdout)
        assert len({row["Name"] for row in said}) == len(said)
        return {row["Name"]: row for row in said}

    return rows


def offered(home: Path, tmp_path: Path) -> list[inventory.Entry]:
    """Return what the picker offers."""
    del home
    import os

    return inventory.entries(Config(os.environ), str(tmp_path / "cache/awsassume"), 0)


@pytest.mark.parametrize("source", ["other", "further", "by-given"])
def test_a_name_that_is_not_there_is_not_listed(
    bob: FakeAws,
    run: Callable[..., Result],
    rows: Callable[[], dict[str, dict[str, Any]]],
    home: Path,
    tmp_path: Path,
    source: str,
) -> None:
    """The source's own session was had for looking the name up, and is listed as the source's."""
    result = run("-p", source, "nosuch", PROCESS, code=3)
    assert f"nor a role of account {OTHER}" in result.stderr
    found = rows()
    assert "nosuch" not in found
    assert found[source]["Expiration"]
    assert found[source]["Account"] == OTHER
    assert not [
        entry for entry in offered(home, tmp_path) if "nosuch" in (entry.name, *entry.words)
    ]
    kept = [
        session.about["role"] for _, session in sessions.live(str(tmp_path / "cache/awsassume"))
    ]
    assert "nosuch" not in kept
    assert source in kept
    assert bob.calls("ListRoles")


@pytest.mark.parametrize("refused", ["ListRoles", "AssumeRole"])
def test_a_name_that_was_refused_is_not_listed(
    bob: FakeAws,
    run: Callable[..., Result],
    rows: Callable[[], dict[str, dict[str, Any]]],
    refused: str,
) -> None:
    """Whether the look-up failed, or what it found may not be assumed."""
    bob.add_role("closed", account=OTHER, trust="arn:aws:iam::210987654321:user/nobody")
    if refused == "ListRoles":
        bob.fault("error", "ListRoles", code="ServiceFailure", status=400)
    run("-p", "other", "closed", PROCESS, code=5)
    found = rows()
    assert "closed" not in found
    assert found["other"]["Expiration"]


def test_a_name_that_was_guessed_and_refused_is_not_listed(
    bob: FakeAws, run: Callable[..., Result], rows: Callable[[], dict[str, dict[str, Any]]]
) -> None:
    """Where ListRoles is denied, the ARN is a guess, and no role need be there."""
    bob.fault("error", "ListRoles", code="AccessDenied", status=403)
    run("-p", "other", "nosuch", PROCESS, code=5)
    assert "nosuch" not in rows()


def test_the_first_of_two_names_does_not_name_the_other(
    bob: FakeAws, run: Callable[..., Result], rows: Callable[[], dict[str, dict[str, Any]]]
) -> None:
    """A role that was found is listed by its name, the source by its own, each with its own session."""
    bob.add_role("target", account=OTHER, trust=f"arn:aws:iam::{OTHER}:role/there")
    run("-p", "other", "target", PROCESS)
    found = rows()
    assert found["target"]["RoleArn"] == f"arn:aws:iam::{OTHER}:role/target"
    assert found["other"]["RoleArn"] == f"arn:aws:iam::{OTHER}:role/there"
    assert found["target"]["Expiration"]
    assert found["other"]["Expiration"]


def test_a_role_of_another_account_is_not_offered_by_its_plain_name(
    bob: FakeAws, run: Callable[..., Result], home: Path, tmp_path: Path
) -> None:
    """Once nothing is known of how it was used, its ARN alone says which role of that name it is."""
    bob.add_role("target", account=OTHER, trust=f"arn:aws:iam::{OTHER}:role/there")
    bob.add_role("target", trust="*")
    run("-p", "other", "target", PROCESS)
    for folder in (recent.FOLDER, sessions.FOLDER):
        for path in (tmp_path / "cache/awsassume" / folder).iterdir():
            path.unlink()
    (entry,) = [entry for entry in offered(home, tmp_path) if entry.name == "target"]
    assert entry.words == (f"arn:aws:iam::{OTHER}:role/target",)


def test_tab_offers_no_name_that_failed(bob: FakeAws, run: Callable[..., Result]) -> None:
    """What was never found is no role's name."""
    import os

    run("-p", "other", "nosuch", PROCESS, code=3)
    said = completion.answer(["bash", "--", ""], dict(os.environ))
    assert "nosuch" not in said
    assert "other" in said
    assert len(bob.calls("AssumeRole")) == 1
