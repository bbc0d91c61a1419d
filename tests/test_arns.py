"""What begins with `arn:` is a role's ARN, whatever profile bears that name."""

from __future__ import annotations

import json
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


@pytest.fixture
def eve(bob: Keys, aws: FakeAws, home: Path) -> Keys:
    """Give Eve, by whose keys a profile named like the article's role is another; Bob is [default]."""
    eve = aws.add_user("Eve", allow=["*"])
    other = aws.add_role("other", trust="*")
    write(
        home,
        f'[profile eve]\n{lines_of(eve)}\n[profile "{ARN}"]\nrole_arn = {other.arn}\nsource_profile = eve\n'
        f'[profile "arn:keys"]\n{lines_of(eve)}',
        f"[default]\n{lines_of(bob)}",
    )
    return eve


@pytest.mark.usefixtures("eve")
def test_the_arn_is_assumed(aws: FakeAws, bob: Keys, run: Callable[..., Result]) -> None:
    """By [default], the first time and later, in an eval as for an SDK."""
    for form in ("process", "process", "env"):
        run(ARN, "--format", form)
    (call,) = aws.calls("AssumeRole")
    assert (call["RoleArn"], call.caller_arn) == (ARN, bob.arn)


@pytest.mark.usefixtures("eve")
def test_what_is_no_arn_is_refused_though_a_profile_bears_the_name(
    run: Callable[..., Result],
) -> None:
    """A profile of such a name can be a source, and nothing else."""
    assert "arn:keys is not a role ARN" in run("arn:keys", code=2).stderr
    run(ARN, "--profile", "arn:keys", "--format", "process")


@pytest.mark.usefixtures("eve")
def test_the_verbs_take_it_for_the_arn(aws: FakeAws, bob: Keys, run: Callable[..., Result]) -> None:
    """Who one would be, what a profile for it is, and what is forgotten of it."""
    said = json.loads(run("--whoami", ARN, "--json").stdout)
    assert "example-role" in said["Arn"]
    assert f"{ARN} --credential-process" in run("--print-profile", ARN).stdout
    run("--purge", ARN)
    run(ARN, "--format", "process")
    assert [call.caller_arn for call in aws.calls("AssumeRole")] == [bob.arn, bob.arn]


@pytest.mark.usefixtures("eve")
def test_the_list_says_that_the_profile_can_t_be_taken(run: Callable[..., Result]) -> None:
    """To choose it would be to become another role."""
    rows = {row["Name"]: row for row in json.loads(run("--list", "--json").stdout)}
    assert "is a role's ARN" in rows[ARN]["Problem"]
    assert rows["eve"]["Problem"] is None
