"""The region that a shell, a command and an SDK find beside a role's credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import assumed, lines_of, write
from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

ONE, TWO = "AWS_REGION", "AWS_DEFAULT_REGION"
ROLE = "arn:aws:iam::123456789012:role/example-role"


@pytest.fixture
def regions(bob: Keys, home: Path) -> Keys:
    """Give Bob, with regions in the role's profile, in its source, in [default], and in none of them."""
    write(
        home,
        f"[default]\nregion = us-east-1\n"
        f"[profile bob]\nregion = eu-south-1\n"
        f"[profile bare]\n"
        f"[profile far]\nrole_arn = {ROLE}\nsource_profile = bob\nregion = ap-south-1\n"
        f"[profile near]\nrole_arn = {ROLE}\nsource_profile = bob\n"
        f"[profile plain]\nrole_arn = {ROLE}\nsource_profile = bare\n"
        f"[profile through]\nrole_arn = {ROLE}\nsource_profile = near\n"
        f"[profile around]\nrole_arn = {ROLE}\ncredential_source = Environment\n",
        "".join(f"[{name}]\n{lines_of(bob)}" for name in ("default", "bob", "bare")),
    )
    return bob


TABLE = [
    ("far --region eu-west-1", "eu-north-1", "", "eu-west-1", "eu-west-1"),
    ("far", "eu-north-1", "", "ap-south-1", "ap-south-1"),
    ("far", "", "", "ap-south-1", "ap-south-1"),
    # The shell's own is before the source's and [default]'s, and told to SDKs of both kinds.
    ("near", "eu-north-1", "", "eu-north-1", "eu-north-1"),
    ("near", "", "eu-north-1", "eu-north-1", "eu-north-1"),
    ("near", "eu-north-1", "eu-north-1", "eu-north-1", "eu-north-1"),
    ("near", "eu-north-1", "eu-west-3", "eu-north-1", "eu-west-3"),
    ("plain", "eu-north-1", "", "eu-north-1", "eu-north-1"),
    ("through", "eu-north-1", "", "eu-north-1", "eu-north-1"),
    ("bob", "eu-north-1", "", "eu-south-1", "eu-south-1"),
    ("bare", "eu-north-1", "", "eu-north-1", "eu-north-1"),
    (ROLE, "eu-north-1", "", "eu-north-1", "eu-north-1"),
    (f"{ROLE} --profile bob", "eu-north-1", "", "eu-north-1", "eu-north-1"),
    ("example-role --profile bob", "eu-north-1", "", "eu-north-1", "eu-north-1"),
    # Where the shell has none.
    ("near", "", "", "eu-south-1", "eu-south-1"),
    ("through", "", "", "eu-south-1", "eu-south-1"),
    ("plain", "", "", "us-east-1", "us-east-1"),
    (f"{ROLE} --profile bob", "", "", "eu-south-1", "eu-south-1"),
    (ROLE, "", "", "us-east-1", "us-east-1"),
]


@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize(
    "words, one, two, first, second", TABLE, ids=[" ".join(filter(None, row[:3])) for row in TABLE]
)
def test_the_region_is_the_first_that_is_named(
    run: Callable[..., Result],
    words: str, one: str, two: str, first: str, second: str,
) -> None:  # fmt: skip
    """--region, the role's profile, the shell's, its source's, [default]'s: for a command, the first time and by memory."""
    environ = {ONE: one or None, TWO: two or None}
    for _ in range(2):
        said = run(*words.split(" "), "--", "env", environ=environ).stdout
        found = dict(re.findall(rf"^({ONE}|{TWO})=(.*)$", said, re.MULTILINE))
        assert found == {ONE: first, TWO: second}


def test_keys_of_the_environment_have_the_region_of_the_profile_that_is_named(
    regions: Keys, run: Callable[..., Result]
) -> None:
    """AWS_PROFILE goes when a role is taken, and its region with it; the shell's own is before that."""
    environ = {
        "AWS_ACCESS_KEY_ID": regions.access_key_id,
        "AWS_SECRET_ACCESS_KEY": regions.secret_access_key,
        "AWS_PROFILE": "bob",
    }
    for words, region, expected in (
        (ROLE, None, "eu-south-1"),
        (ROLE, "eu-west-2", "eu-west-2"),
        ("around", None, "us-east-1"),
        ("around", "eu-west-2", "eu-west-2"),
    ):
        told = environ | ({"AWS_PROFILE": ""} if words == "around" else {})
        said = run(words, "--", "env", environ=told | {ONE: region}).stdout
        assert f"\n{ONE}={expected}\n" in f"\n{said}"
        assert f"\n{TWO}={expected}\n" in f"\n{said}"


@pytest.mark.usefixtures("regions")
def test_the_region_that_a_shell_had_comes_back(run: Callable[..., Result], program: str) -> None:
    """By --clear, after a second role with a region of its own; and it is the shell's again for a third."""
    before = {ONE: "eu-north-1"}
    first = assumed(run, program, "near", environ=before)
    assert (first[ONE], first[TWO]) == ("eu-north-1", "eu-north-1")
    second = assumed(run, program, "far", environ=first)
    assert (second[ONE], second[TWO]) == ("ap-south-1", "ap-south-1")
    third = assumed(run, program, "near", environ=second)
    assert (third[ONE], third[TWO]) == ("eu-north-1", "eu-north-1")
    after = assumed(run, program, "--clear", environ=third)
    assert after.get(ONE) == "eu-north-1"
    assert TWO not in after


@pytest.mark.slow
@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_region_exported_in_a_shell_is_the_one_it_has_as_a_role(
    run: Callable[..., Result], program: str, shell: str
) -> None:
    """In each shell, for what its SDKs say."""
    script = (
        "export AWS_REGION=eu-north-1; "
        f'eval "$({program} near)"; and echo $AWS_REGION $AWS_DEFAULT_REGION; '
        f'eval "$({program} --clear)"; echo $AWS_REGION $AWS_DEFAULT_REGION'
    )
    script = script if shell == "fish" else script.replace("; and", " &&")
    said = run("-c", script, argv=(need(shell),))
    assert said.stdout == "eu-north-1 eu-north-1\neu-north-1\n"


@pytest.mark.slow
@pytest.mark.usefixtures("regions")
def test_an_sdk_calls_the_shell_s_region(
    aws: FakeAws, run: Callable[..., Result], aws_cli: str
) -> None:
    """A real AWS CLI as COMMAND, and under --serve; our own AssumeRole goes there too."""
    for words in (["near"], ["near", "--serve", "--refresh"]):
        run(*words, "--", aws_cli, "sts", "get-caller-identity", environ={ONE: "eu-north-1"})
        assert {call.region for call in aws.calls("GetCallerIdentity")[-1:]} == {"eu-north-1"}
    assert {call.region for call in aws.calls("AssumeRole")} == {"eu-north-1"}


@pytest.mark.usefixtures("regions")
def test_a_printed_profile_has_no_region_of_this_shell(run: Callable[..., Result]) -> None:
    """It is read in other shells; a region of --region, the role's profile or its source is one for all of them."""
    said = run("near", "--print-profile", environ={ONE: "eu-north-1"}).stdout
    assert "\nregion = eu-south-1\n" in said
