"""From ROLE to a session: who it is, whose credentials it is taken with, and how often AWS is asked."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import assumed, lines_of, on_path, write
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws, Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"


def key_of(said: Result) -> str:
    """Return the access key id in what was printed, whatever the format."""
    found = re.search(r"A[KS]IA\w{16,}", said.stdout)
    assert found, said
    return found[0]


@pytest.fixture
def who(aws: FakeAws, run: Callable[..., Result]) -> Callable[..., str]:
    """Return a function that takes a role and gives the ARN that AWS knows the credentials by, short."""

    def who(*words: str, **settings: dict[str, str | None]) -> str:
        arn = aws.whose(key_of(run(*words, "--session-name", "me", **settings)))
        return arn.removeprefix("arn:aws:").removeprefix(f"sts::{aws.account}:")

    return who


# ROLE's four forms.


def test_role_by_arn_profile_account_and_name(
    aws: FakeAws, bob: Keys, who: Callable[..., str]
) -> None:
    """Four ways to say the same, with a path or without."""
    aws.add_role("deep", path="/team/a/")
    for role in (ROLE, "example", f"{aws.account}:example-role", "example-role"):
        assert who(role) == "assumed-role/example-role/me"
    arn = f"arn:aws:iam::{aws.account}:role/team/a/deep"
    for role in (arn, f"{aws.account}:team/a/deep", "deep", "team/a/deep"):
        assert who(role) == "assumed-role/deep/me"
    assert {call.caller_arn for call in aws.calls("AssumeRole")} == {bob.arn}


def test_role_by_account_is_the_other_account_s(
    aws: FakeAws, bob: Keys, who: Callable[..., str], run: Callable[..., Result]
) -> None:
    """And no list is asked for: its path must be said."""
    aws.add_role("there", account="210987654321", trust=bob)
    assert who("210987654321:there") == "sts::210987654321:assumed-role/there/me"
    assert aws.calls("ListRoles") == []
    assert (
        json.loads(run("210987654321:there", "-f", "process").stdout)["AccountId"] == "210987654321"
    )


@pytest.mark.usefixtures("bob")
def test_a_profile_comes_before_a_role_of_its_name(aws: FakeAws, who: Callable[..., str]) -> None:
    """Profiles are the user's own names."""
    aws.add_role("example")
    assert who("example") == "assumed-role/example-role/me"


@pytest.mark.usefixtures("bob")
def test_a_name_is_looked_for_on_every_page(aws: FakeAws, who: Callable[..., str]) -> None:
    """Seven roles, two a page, the one meant on the last."""
    aws.page_size = 2
    for number in range(6):
        aws.add_role(f"a{number}", path="/x/")
    aws.add_role("zz", path="/y/")
    assert who("zz") == "assumed-role/zz/me"
    assert len(aws.calls("ListRoles")) == 4


@pytest.mark.usefixtures("bob")
def test_where_list_roles_is_denied_the_name_stands_in_the_source_s_account(
    aws: FakeAws, who: Callable[..., str]
) -> None:
    """`role/NAME`, without a path."""
    aws.fault("error", "ListRoles", code="AccessDenied", message="no", status=403)
    assert who("example-role") == "assumed-role/example-role/me"


@pytest.mark.usefixtures("bob")
def test_a_name_is_looked_up_once(aws: FakeAws, who: Callable[..., str]) -> None:
    """What was found is remembered, for other sessions of that role as well; --refresh asks again."""
    who("example-role")
    who("example-role", "--duration", "900")
    who("example-role", "--external-id", "id")
    assert len(aws.calls("ListRoles")) == 1
    who("example-role", "--refresh")
    assert len(aws.calls("ListRoles")) == 2


@pytest.mark.usefixtures("bob")
def test_a_remembered_name_that_is_refused_is_looked_up_again(
    aws: FakeAws, who: Callable[..., str]
) -> None:
    """The role was deleted and made anew under another path."""
    who("example-role")
    del aws.roles[ROLE]
    moved = aws.add_role("example-role", path="/new/")
    assert who("example-role", "--duration", "900") == "assumed-role/example-role/me"
    assert aws.calls("AssumeRole")[-1]["RoleArn"] == moved.arn
    who("example-role", "--duration", "1000")
    assert len(aws.calls("ListRoles")) == 2


@pytest.mark.usefixtures("bob")
def test_a_remembered_name_that_is_gone_is_told(aws: FakeAws, run: Callable[..., Result]) -> None:
    """As one that never was."""
    run("example-role")
    del aws.roles[ROLE]
    assert "is neither a profile" in run("example-role", "--duration", "900", code=3).stderr


def test_a_name_means_each_source_s_own_account(
    aws: FakeAws, bob: Keys, home: Path, who: Callable[..., str]
) -> None:
    """What was remembered for Bob is not taken for Carol, who is of another account."""
    carol = aws.add_user("Carol", account="210987654321")
    aws.add_role("example-role", account="210987654321", trust=carol)
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile carol]\n{lines_of(carol)}")
    assert bob.account == aws.account
    assert who("example-role") == "assumed-role/example-role/me"
    assert who("example-role", "--profile", "carol").startswith("sts::210987654321:")
    assert who("example-role") == "assumed-role/example-role/me"


# Profiles without a role.


def test_a_profile_with_keys_gives_its_keys(bob: Keys, run: Callable[..., Result]) -> None:
    """They are kept nowhere, and have no end."""
    said = run("default")
    assert key_of(said) == bob.access_key_id
    assert "AWS_SESSION_TOKEN" not in said.stdout
    assert "Expiration" not in run("default", "--credential-process").stdout


def test_a_profile_with_a_process_gives_what_it_prints(
    aws: FakeAws, bob: Keys, home: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    """It is asked each time, as every SDK does: its answer may be another."""
    session = aws.issue(aws.roles[ROLE], "made", 3600)
    printed = {
        "Version": 1,
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expiration)),
    }
    (tmp_path / "printed").write_text(json.dumps(printed))
    (home / ".aws/config").write_text(
        f"[profile made]\ncredential_process = sh -c 'echo x >> {tmp_path}/asked; cat {tmp_path}/printed'\n"
    )
    for _ in range(2):
        assert key_of(run("made")) == session.access_key_id
    assert (tmp_path / "asked").read_text() == 2 * "x\n"
    assert bob.access_key_id not in run("made").stdout


def test_a_profile_of_single_sign_on_gives_its_role(
    aws: FakeAws, home: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the token that `aws sso login` left."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    aws.sso.add_role("Developer")
    aws.sso.write_token(home / ".aws/sso/cache", session="corp")
    write(
        home,
        "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Developer\n"
        "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n",
    )
    for _ in range(2):
        assert "AWSReservedSSO_Developer" in aws.whose(key_of(run("dev")))
    assert len(aws.calls("GetRoleCredentials")) == 1


def test_the_source_of_a_profile_that_has_its_own_credentials_can_t_be_chosen(
    bob: Keys, home: Path, run: Callable[..., Result]
) -> None:
    """--profile with it is refused, not ignored."""
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile keys]\n{lines_of(bob)}")
    assert "--profile has no meaning with it" in run("keys", "--profile", "default", code=2).stderr


# Never oneself.


@pytest.fixture
def itself(bob: Keys, home: Path, program: str) -> None:
    """Write profiles that ask awsassume: one that bears its role's name, and one that leads back to itself."""
    assert bob.access_key_id
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile example-role]\ncredential_process = {program} example-role --credential-process\n"
            f"[profile by-env]\ncredential_process = env X=1 {program} example-role --credential-process\n"
            f"[profile round]\ncredential_process = {home}/wrapped round --credential-process\n"
            f"[profile via]\nrole_arn = {ROLE}\nsource_profile = round\n"
        )
    (home / "wrapped").write_text(f'#!/bin/sh\nexec {program} "$@"\n')
    (home / "wrapped").chmod(0o755)


@pytest.mark.usefixtures("itself")
def test_a_profile_that_asks_us_is_passed_over_for_the_role_of_its_name(
    who: Callable[..., str],
) -> None:
    """So that a profile may bear its role's name."""
    assert who("example-role") == "assumed-role/example-role/me"


@pytest.mark.usefixtures("itself")
@pytest.mark.parametrize("profile", ["example-role", "by-env"])
@pytest.mark.parametrize("role", ["example-role", ROLE, "example"])
def test_an_inherited_profile_that_asks_us_is_passed_over(
    aws: FakeAws, bob: Keys, who: Callable[..., str], profile: str, role: str
) -> None:
    """As an SDK's child sees it: AWS_PROFILE names the profile that is being asked."""
    assert who(role, environ={"AWS_PROFILE": profile}) == "assumed-role/example-role/me"
    assert {call.caller_arn for call in aws.calls("AssumeRole")} == {bob.arn}


@pytest.mark.usefixtures("itself")
@pytest.mark.parametrize("role", ["round", "via"])
def test_a_loop_through_a_wrapper_is_told_and_not_run(
    aws: FakeAws, run: Callable[..., Result], role: str
) -> None:
    """Nobody can see from the config that the wrapper is us; the processes tell each other."""
    failed = run(role, code=4)
    assert "goes in a loop: round → round" in failed.stderr
    assert aws.calls("AssumeRole") == []


# Which source.


@pytest.fixture
def two(aws: FakeAws, bob: Keys, home: Path) -> Keys:
    """Give Eve, who has a profile beside Bob's default one; both may take the role."""
    eve = aws.add_user("Eve")
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile eve]\n{lines_of(eve)}[profile bob]\n{lines_of(bob)}")
    return eve


def callers(aws: FakeAws) -> list[str]:
    """Return who called AssumeRole, each time."""
    return [(call.caller_arn or "").rpartition("/")[2] for call in aws.calls("AssumeRole")]


def test_the_source_is_the_one_that_was_named(
    aws: FakeAws, two: Keys, run: Callable[..., Result]
) -> None:
    """--profile beats AWS_PROFILE's and the environment's; keys in the environment beat AWS_PROFILE."""
    run(ROLE)
    run(ROLE, environ={"AWS_PROFILE": "eve"})
    run(ROLE, "--profile", "bob", environ={"AWS_PROFILE": "eve"}, code=0)
    run(ROLE, "--refresh", environ={**two.environ, "AWS_PROFILE": "bob"})
    run(ROLE, "--refresh", "--profile", "bob", environ=two.environ)
    assert callers(aws) == ["Bob", "Eve", "Eve", "Bob"]


def test_two_users_of_one_role_never_share_a_session(
    aws: FakeAws, two: Keys, run: Callable[..., Result]
) -> None:
    """AWS would tell them apart by nothing but the session's name."""
    bobs, eves = key_of(run(ROLE)), key_of(run(ROLE, "--profile", "eve"))
    assert bobs != eves
    assert key_of(run(ROLE, environ=two.environ)) == eves
    assert key_of(run(ROLE)) == bobs
    assert callers(aws) == ["Bob", "Eve"]


@pytest.mark.parametrize(
    "one, other",
    [
        ([], ["--session-name", "x2"]),
        ([], ["--duration", "900"]),
        ([], ["--external-id", "id"]),
        ([], ["--policy", '{"Version":"2012-10-17","Statement":[]}']),
        ([], ["--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        ([], ["--tag", "a=b"]),
        (["--tag", "a=b"], ["--tag", "a=b", "--transitive-tag", "a"]),
        ([], ["--source-identity", "me"]),
        ([], ["--region", "eu-west-1"]),
    ],
)
@pytest.mark.usefixtures("bob")
def test_whatever_makes_another_session_is_another_session(
    aws: FakeAws, run: Callable[..., Result], one: list[str], other: list[str]
) -> None:
    """Every parameter of AssumeRole, and where it is called."""
    first = key_of(run("example", *one))
    assert key_of(run("example", *other)) != first
    assert key_of(run("example", *one)) == first
    assert len(aws.calls("AssumeRole")) == 2


@pytest.mark.usefixtures("bob")
def test_an_edited_role_is_the_new_role_at_once(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """A profile's role_arn and its source: what is remembered holds for the files as they were."""
    eve = aws.add_user("Eve")
    aws.add_role("other")
    config = home / ".aws/config"
    run("example")
    config.write_text(config.read_text().replace("role/example-role", "role/other"))
    assert aws.whose(key_of(run("example"))).split("/")[1] == "other"
    (home / ".aws/credentials").write_text(f"[default]\n{lines_of(eve)}")
    run("example")
    assert callers(aws) == ["Bob", "Bob", "Eve"]


@pytest.mark.parametrize(
    "words, environ",
    [
        (["example-role"], {"AWS_PROFILE": "typo"}),
        (["example-role", "--profile", "typo"], {}),
        ([ROLE], {"AWS_DEFAULT_PROFILE": "typo"}),
        (["dangling"], {}),
    ],
)
@pytest.mark.usefixtures("bob")
def test_a_profile_that_is_named_and_missing_is_no_other(
    aws: FakeAws, home: Path, run: Callable[..., Result], words: list[str], environ: dict[str, str]
) -> None:
    """Never the default one instead, though its keys would do."""
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile dangling]\nrole_arn = {ROLE}\nsource_profile = typo\n")
    assert "typo" in run(*words, environ=environ, code=3).stderr
    assert aws.calls() == []


# In a shell that already is a role.


@pytest.fixture
def shell(bob: Keys, run: Callable[..., Result], program: str) -> dict[str, str]:
    """Return the environment of a shell that became the role example."""
    assert bob.access_key_id
    return assumed(run, program, "example", "--session-name", "first", environ=os.environ)


def test_a_second_role_is_taken_from_the_source_as_if_cleared(
    aws: FakeAws, shell: dict[str, str], run: Callable[..., Result]
) -> None:
    """The commonest bug of this field: the role's own credentials are no source."""
    aws.add_role("other")
    for role in ("example", "example-role", "other", f"{aws.account}:other", ROLE):
        run(role, environ=shell)
        run(role, "--refresh", environ=shell)
    assert set(callers(aws)) == {"Bob"}


def test_it_is_so_after_the_session_expired(
    aws: FakeAws, shell: dict[str, str], run: Callable[..., Result]
) -> None:
    """An hour later, too."""
    aws.expire_now()
    assert key_of(run("example", "--refresh", environ=shell)) != shell["AWS_ACCESS_KEY_ID"]
    run("example", "--", "true", environ=shell)


def test_chain_takes_what_the_environment_holds(
    aws: FakeAws, shell: dict[str, str], run: Callable[..., Result], program: str
) -> None:
    """--chain: from the role to the next; and it can't be renewed, since the first is gone."""
    aws.add_role("other")
    said = run(f"{aws.account}:other", "--chain", environ=shell)
    assert callers(aws) == ["Bob", "first"]
    code = f"{said.stdout}awsassume --renew"
    renewed = run("-c", code, argv=("bash",), environ=on_path(program, shell), code=2)
    assert "taken with --chain can't be renewed" in renewed.stderr


def test_renew_takes_the_same_again(
    aws: FakeAws, shell: dict[str, str], run: Callable[..., Result]
) -> None:
    """With the options it was taken with; nothing while it is fresh; and never from itself."""
    assert run("--renew", environ=shell).stdout == ""
    renewed = run("--renew", "--refresh", environ=shell)
    assert aws.whose(key_of(renewed)).endswith("assumed-role/example-role/first")
    assert callers(aws) == ["Bob", "Bob"]


# Options.


@pytest.mark.usefixtures("bob")
def test_the_session_s_name_is_user_at_host_made_valid(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """2 to 64 of letters, digits and _+=,.@-, whoever one is and wherever."""
    run("example", "--refresh")
    expected = re.sub(
        r"[^\w+=,.@-]", "-", f"{getpass.getuser()}@{socket.gethostname()}", flags=re.ASCII
    )
    assert aws.calls("AssumeRole")[0]["RoleSessionName"] == expected[:64]
    for user in ("é ü/x", "x" * 80, "DOM\\user"):
        run("example", "--refresh", environ={"LOGNAME": user})
        name = aws.calls("AssumeRole")[-1]["RoleSessionName"]
        assert re.fullmatch(r"[\w+=,.@-]{2,64}", name, re.ASCII)


@pytest.mark.usefixtures("bob")
def test_refresh_no_cache_and_min_remaining(
    aws: FakeAws, run: Callable[..., Result], tmp_path: Path
) -> None:
    """--refresh asks and keeps; --no-cache asks and keeps nothing; --min-remaining asks when less is left."""
    key_of(run("example", "--no-cache"))
    assert not any(path.is_file() for path in (tmp_path / "cache").rglob("sessions/*"))
    first = key_of(run("example"))
    assert key_of(run("example")) == first
    second = key_of(run("example", "--refresh"))
    assert second != first
    assert key_of(run("example")) == second
    assert key_of(run("example", "--no-cache")) != second
    assert key_of(run("example")) == second
    assert key_of(run("example", "--min-remaining", "30m")) == second
    assert key_of(run("example", "--min-remaining", "2h")) != second
    assert len(aws.calls("AssumeRole")) == 5


@pytest.mark.parametrize(
    "words, environ, region",
    [
        (["example"], {}, "us-east-1"),
        (["example", "--region", "eu-west-1"], {}, "eu-west-1"),
        (["far"], {}, "ap-south-1"),
        (["far", "--region", "eu-west-1"], {}, "eu-west-1"),
        ([ROLE], {}, "us-east-1"),
        ([ROLE], {"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_REGION": "eu-north-1"}, "eu-north-1"),
    ],
)  # fmt: skip
def test_the_region_that_was_named_is_set(
    bob: Keys, home: Path, run: Callable[..., Result],
    words: list[str], environ: dict[str, str], region: str | None,
) -> None:  # fmt: skip
    """--region, else the role's profile, else its source's; both variables, for SDKs read one or the other."""
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile far]\nrole_arn = {ROLE}\nsource_profile = default\nregion = ap-south-1\n"
        )
    fill = {"KEY": bob.access_key_id, "SECRET": bob.secret_access_key}
    said = run(*words, environ={name: fill.get(value, value) for name, value in environ.items()})
    found = re.findall(
        r"^export (AWS_(?:DEFAULT_)?REGION)='(.*)'(?:;| &&)$", said.stdout, re.MULTILINE
    )
    assert dict(found).get("AWS_DEFAULT_REGION") in {region, "eu-north-1"}
    assert {value for _, value in found} <= {region or "eu-north-1"}


def test_a_verbose_run_says_each_decision(bob: Keys, run: Callable[..., Result]) -> None:
    """On stderr, and no secret in it."""
    said = run("example", "--verbose")
    for part in (
        '"example" is a profile',
        'source: profile "default"',
        "no session yet",
        "sts:assume_role",
    ):
        assert part in said.stderr
    assert bob.secret_access_key not in said.stderr
    again = run("example", "--verbose")
    assert "remembered; a session of example" in again.stderr


# A command.


@pytest.mark.usefixtures("bob")
def test_a_command_is_the_role_in_a_clean_environment(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """It holds what a shell would, its own words untouched, and no more of ours."""
    said = run(
        "example", "--", "sh", "-c", 'env; printf "<%s>" "$@"', "x", "a b", "", "*", "--refresh",
        environ={"AWS_PROFILE": "default", "AWS_SECURITY_TOKEN": "old", "AWSASSUME_SHELL": "bash", "AWSASSUME_SHIM_FD": "7"},
    )  # fmt: skip
    assert said.stdout.endswith("<a b><><*><--refresh>")
    environ = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    assert aws.whose(environ["AWS_ACCESS_KEY_ID"]).split("/")[1] == "example-role"
    assert environ["AWSASSUME_ROLE"] == "example"
    for name in ("AWS_PROFILE", "AWS_SECURITY_TOKEN", "AWSASSUME_SHELL", "AWSASSUME_SHIM_FD"):
        assert name not in environ


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("refresh", [[], ["--refresh"]])
def test_no_process_of_ours_stays_beside_a_command(program: str, refresh: list[str]) -> None:
    """It takes our place: the same process id, our stdin, and signals that reach it."""
    job = "echo $$; cat; trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [program, "example", *refresh, "--", "sh", "-c", job],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write("through\n")
        process.stdin.close()
        assert process.stdout.readline() == f"{process.pid}\n"
        assert process.stdout.readline() == "through\n"
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(BOUND) == 9


@pytest.mark.usefixtures("bob")
def test_a_profile_that_asks_for_a_role_which_is_not_there_is_told(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """It is passed over, so that it may bear its role's name; who misspelt the role is shown the closest."""
    with (home / ".aws/config").open("a") as config:
        config.write(
            "[profile example-rol]\ncredential_process = awsassume example-rol --credential-process\n"
        )
    said = run("example-rol", code=3).stderr
    assert 'profile "example-rol" asks awsassume for a role of that name' in said
    assert "and account 123456789012 has none" in said
    assert "did you mean: " in said
    assert "example-rol," not in said.partition("did you mean: ")[2]
    assert "example-role" in said.partition("did you mean: ")[2]
    aws.fault("error", "ListRoles", code="Throttling", status=400)
    said = run("example-rol", code=5).stderr
    assert 'profile "example-rol" asks awsassume for a role of that name, which can\'t' in said
