"""--explain: which half of a refusal is missing; and what is printed, pasted back, makes it work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Document, Keys, Role

READ = ["iam:GetRole", "iam:SimulatePrincipalPolicy"]
ARN = "arn:aws:iam::123456789012:role/example-role"
OTHERS = "arn:aws:iam::123456789012:user/Eve"


@pytest.fixture
def explain(run: Callable[..., Result], aws: FakeAws) -> Callable[..., dict[str, Any]]:
    """Return a function that gives what --explain --json says to a user."""

    def ask(keys: Keys | None, *words: str, code: int = 5) -> dict[str, Any]:
        said = run("--explain", "--json", *words, environ=aws.environ(keys), code=code)
        found: dict[str, Any] = json.loads(said.stdout)
        assert found["Granted"] == (code == 0)
        return found

    return ask


def steps(said: dict[str, Any]) -> dict[str, bool | None]:
    """Give each step and whether it holds."""
    return {step["Step"]: step["Holds"] for step in said["Steps"]}


def missing(said: dict[str, Any], side: str) -> Document:
    """Give the one document that is missing, which must be of that side and certain."""
    (found,) = said["Missing"]
    assert found["Side"] == side
    assert found["Certain"]
    document: Document = found["Document"]
    return document


def give(keys: Keys, document: Document) -> None:
    """Attach a policy to a user or role, as put-user-policy does."""
    keys.owner.policies.append(document)


def test_nothing_is_missing_where_aws_grants_it(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """Exit code 0, every step holds, and AWS was asked."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=aws.arn("iam", aws.account, "root"))
    said = explain(bob, "example-role", code=0)
    assert steps(said) == {
        "source": True,
        "identity": True,
        "your policy": True,
        "role exists": True,
        "trust policy": True,
        "duration": True,
        "AWS": True,
    }
    assert said["Missing"] == said["Advice"] == []


def test_the_half_on_your_side(aws: FakeAws, explain: Callable[..., dict[str, Any]]) -> None:
    """The trust policy names the account, as the article's does, so a policy of Bob's must allow it."""
    bob = aws.add_user("Bob", allow=READ)
    aws.add_role("example-role", trust=aws.arn("iam", aws.account, "root"))
    said = explain(bob, ARN)
    assert steps(said)["your policy"] is False
    assert steps(said)["trust policy"] is True
    document = missing(said, "your policy")
    assert document == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ARN}],
    }
    assert said["Missing"][0]["Command"].startswith("aws iam put-user-policy --user-name Bob ")
    give(bob, document)
    explain(bob, ARN, code=0)


def test_the_half_on_the_role_s_side(aws: FakeAws, explain: Callable[..., dict[str, Any]]) -> None:
    """The trust policy is printed whole, so that those who were in stay in."""
    bob = aws.add_user("Bob", allow=["sts:*", *READ])
    role = aws.add_role("example-role", trust=OTHERS)
    said = explain(bob, ARN)
    assert steps(said)["your policy"] is True
    assert steps(said)["trust policy"] is False
    document = missing(said, "the role's trust policy")
    assert document["Statement"][0] == role.trust["Statement"][0]
    assert document["Statement"][1:] == [
        {"Effect": "Allow", "Principal": {"AWS": bob.arn}, "Action": "sts:AssumeRole"}
    ]
    assert "update-assume-role-policy --role-name example-role" in said["Missing"][0]["Command"]
    role.trust = document
    explain(bob, ARN, code=0)


def test_a_trust_policy_that_names_you_is_enough_when_both_halves_are_missing(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """Within an account that is AWS's rule: one statement, not two."""
    bob = aws.add_user("Bob", allow=READ)
    role = aws.add_role("example-role", trust=OTHERS)
    role.trust = missing(explain(bob, ARN), "the role's trust policy")
    said = explain(bob, ARN, code=0)
    assert steps(said)["your policy"] is True


def test_another_account_must_agree_as_well(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """Its trust policy can't be read from here, so it is printed as what may be missing."""
    bob = aws.add_user("Bob", allow=READ)
    role = aws.add_role("example-role", account="210987654321", trust=OTHERS)
    said = explain(bob, role.arn)
    assert steps(said)["role exists"] is None
    assert [(one["Side"], one["Certain"]) for one in said["Missing"]] == [
        ("your policy", True),
        ("the role's trust policy", False),
    ]
    # The command would put it in place of a trust policy that nobody here has seen.
    assert said["Missing"][1]["Command"] == ""
    assert any("210987654321" in line and "--external-id" in line for line in said["Advice"])
    mine, theirs = said["Missing"]
    give(bob, mine["Document"])
    said = explain(bob, role.arn)
    assert [one["Side"] for one in said["Missing"]] == ["the role's trust policy"]
    role.trust = theirs["Document"]
    explain(bob, role.arn, code=0)


def test_where_nothing_may_be_read_both_halves_may_be_missing(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """It says unknown rather than guess, and either statement lets Bob in."""
    bob = aws.add_user("Bob", allow=[])
    role = aws.add_role("example-role", trust=OTHERS)
    said = explain(bob, ARN)
    found = steps(said)
    assert found["your policy"] is found["role exists"] is found["trust policy"] is None
    assert not any(one["Certain"] for one in said["Missing"])
    mine, theirs = said["Missing"]
    assert mine["Side"] == "your policy"
    role.trust = theirs["Document"]
    explain(bob, ARN, code=0)


def test_the_article_s_bob_reads_the_trust_policy_by_list_roles(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """He may call iam:ListRoles and not iam:GetRole; what that answers holds the trust policy too."""
    aws.page_size = 2
    bob = aws.add_user("Bob", allow=["ec2:Describe*", "iam:ListRoles"])
    for name in ("a", "b", "c", "d"):
        aws.add_role(name)
    aws.add_role("example-role", trust=aws.arn("iam", aws.account, "root"))
    said = explain(bob, "example-role")
    assert steps(said)["role exists"] is True
    assert steps(said)["your policy"] is None
    give(bob, missing(said, "your policy"))
    explain(bob, "example-role", code=0)


@pytest.mark.parametrize(
    "condition, words, key",
    [
        ({"StringEquals": {"sts:ExternalId": "x-1"}}, ["--external-id", "x-1"], "sts:ExternalId"),
        (
            {"StringEquals": {"sts:SourceIdentity": "bob"}},
            ["--source-identity", "bob"],
            "sts:SourceIdentity",
        ),
        (
            {"StringLike": {"sts:RoleSessionName": "Bob"}},
            ["--session-name", "Bob"],
            "sts:RoleSessionName",
        ),
        (
            {"StringEquals": {"aws:RequestTag/team": "blue"}},
            ["--tag", "team=blue"],
            "aws:RequestTag/team",
        ),
    ],
)
def test_a_condition_that_does_not_hold_names_the_option_that_meets_it(
    aws: FakeAws,
    explain: Callable[..., dict[str, Any]],
    condition: Document,
    words: list[str],
    key: str,
) -> None:
    """Nothing is missing in a policy then, and with that option it works."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob, condition=condition)
    said = explain(bob, ARN)
    assert steps(said)["condition"] is False
    assert said["Missing"] == []
    (advice,) = said["Advice"]
    assert key in advice or "tag" in advice
    assert " ".join(words) in advice
    explain(bob, ARN, *words, code=0)


def test_a_policy_variable_is_read_as_the_caller_s(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """${aws:username} is Bob's own name, and so it is printed."""
    bob = aws.add_user("Bob", allow=READ)
    condition = {"StringLike": {"sts:RoleSessionName": "${aws:username}"}}
    aws.add_role("example-role", trust=bob, condition=condition)
    (advice,) = explain(bob, ARN)["Advice"]
    assert "--session-name Bob" in advice


def test_mfa_names_the_device_and_works_with_it(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """The serial number is Bob's own device's."""
    bob = aws.add_user("Bob")
    device = aws.add_mfa(bob, name="phone")
    aws.add_role("example-role", trust=bob, mfa=True)
    said = explain(bob, ARN)
    assert said["Advice"] == [f"the role wants MFA; give --mfa-serial {device.serial}"]
    words = ("--mfa-serial", device.serial)
    assert steps(explain(bob, ARN, *words, "--token-code", "123456", code=0))["condition"] is True
    said = explain(bob, ARN, "--no-cache", *words, "--token-code", "654321")
    assert said["Missing"] == []
    assert "MFA code was refused" in said["Steps"][-1]["Detail"]
    # Nobody is there to type a code: all that can be seen holds, and AWS was not asked.
    said = explain(bob, ARN, "--no-cache", *words, code=4)
    assert steps(said)["AWS"] is None
    assert said["Missing"] == []
    assert any("--token-code" in line for line in said["Advice"])


def test_tags_need_an_action_of_their_own(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """The statement that is missing is the one for sts:TagSession."""
    bob = aws.add_user("Bob")
    role = aws.add_role("example-role", trust=bob, trusted_actions=["sts:AssumeRole"])
    words = (ARN, "--tag", "team=blue")
    document = missing(explain(bob, *words), "the role's trust policy")
    assert document["Statement"][-1]["Action"] == "sts:TagSession"
    role.trust = document
    explain(bob, *words, code=0)


def test_a_role_that_is_not_there_is_told(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """AWS answers AccessDenied for it, as for one that is there; by its name it is a configuration failure."""
    bob = aws.add_user("Bob")
    said = explain(bob, ARN)
    assert steps(said)["role exists"] is False
    assert said["Missing"] == []
    said = explain(bob, "exampel-role", code=3)
    assert steps(said) == {"role": False}


def test_a_role_under_a_path_is_not_the_one_without(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """Its whole ARN is printed."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", path="/team/", trust=bob)
    (said,) = [step for step in explain(bob, ARN)["Steps"] if step["Step"] == "role exists"]
    assert said["Holds"] is False
    assert "role/team/example-role" in said["Detail"]


def test_a_duration_that_is_too_long_names_the_longest(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """AWS refuses it with an error of its own, and no policy is at fault."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob, max_session_duration=7200)
    said = explain(bob, ARN, "--duration", "3h")
    assert steps(said)["duration"] is False
    assert said["Missing"] == []
    assert "give --duration 7200" in said["Advice"]
    explain(bob, ARN, "--duration", "2h", code=0)


def test_a_deny_is_no_lack_of_a_statement(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """Nothing that is added helps."""
    bob = aws.add_user("Bob", deny=["sts:AssumeRole"])
    aws.add_role("example-role", trust=bob)
    said = explain(bob, ARN)
    assert steps(said)["your policy"] is False
    assert said["Missing"] == []
    assert any("denies" in line for line in said["Advice"])
    eve = aws.add_user("Eve")
    statement = {"Effect": "Deny", "Principal": {"AWS": eve.arn}, "Action": "sts:AssumeRole"}
    role = aws.roles[ARN]
    role.trust["Statement"].append(statement)
    said = explain(eve, ARN)
    assert steps(said)["trust policy"] is False
    assert said["Missing"] == []
    assert any("a Deny for you" in line for line in said["Advice"])


def test_source_credentials_that_are_no_good_end_it(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """There is nothing to explain beyond, and the exit code is theirs."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob)
    aws.revoke(bob.access_key_id)
    assert steps(explain(bob, ARN, code=4)) == {"source": False}
    assert steps(explain(None, ARN, code=4)) == {"source": False}


def chained(aws: FakeAws, home: Path) -> tuple[Keys, Role, Role]:
    """Make a chain of two roles, by profiles, the second of which does not trust the first."""
    bob = aws.add_user("Bob")
    first = aws.add_role("first", trust=bob, path="/deep/down/", allow=READ)
    second = aws.add_role("second", trust=OTHERS)
    config = (
        f"[profile first]\nrole_arn = {first.arn}\nsource_profile = base\n"
        f"[profile second]\nrole_arn = {second.arn}\nsource_profile = first\n"
    )
    write(home, config, f"[base]\n{lines_of(bob)}")
    return bob, first, second


def test_in_a_chain_the_link_that_is_refused_is_explained(
    aws: FakeAws, home: Path, explain: Callable[..., dict[str, Any]]
) -> None:
    """The role on the way is told as it is, and named in the trust policy by its ARN, path and all."""
    bob, first, second = chained(aws, home)
    said = explain(None, "second")
    assert said["Role"] == second.arn
    assert steps(said)["on the way"] is True
    document = missing(said, "the role's trust policy")
    assert document["Statement"][-1]["Principal"] == {"AWS": first.arn}
    second.trust = document
    explain(None, "second", "--no-cache", code=0)
    first.trust["Statement"][0]["Principal"] = {"AWS": OTHERS}
    said = explain(None, "second", "--no-cache")
    assert said["Role"] == first.arn
    first.trust = missing(said, "the role's trust policy")
    assert first.trust["Statement"][-1]["Principal"] == {"AWS": bob.arn}
    explain(None, "second", "--no-cache", code=0)


def test_a_profile_with_credentials_of_its_own_has_no_role_to_explain(
    aws: FakeAws, home: Path, explain: Callable[..., dict[str, Any]]
) -> None:
    """Who it is is told all the same."""
    write(home, "", f"[base]\n{lines_of(aws.add_user('Bob'))}")
    assert steps(explain(None, "base", code=0)) == {"source": True, "identity": True}


@pytest.mark.parametrize(
    "words", [(ARN,), (ARN, "--credential-process"), (ARN, "--", "true"), ("--whoami", ARN)]
)
def test_a_plain_refusal_of_any_mode_points_here(
    aws: FakeAws, run: Callable[..., Result], words: tuple[str, ...]
) -> None:
    """The command is one to paste, options and all."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=OTHERS)
    said = run("--external-id", "x-1", *words, environ=aws.environ(bob), code=5)
    assert f"run: awsassume --explain --external-id x-1 {ARN}" in said.stderr


def test_a_person_reads_steps_and_then_the_document_to_paste(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """The JSON begins a line of its own and ends on one, so that it can be cut out."""
    bob = aws.add_user("Bob", allow=READ)
    aws.add_role("example-role", trust=aws.arn("iam", aws.account, "root"))
    said = run("--explain", ARN, environ=aws.environ(bob), code=5).stdout
    assert "\nNO   your policy   no policy of user Bob allows sts:AssumeRole on the role\n" in said
    assert "This is missing from YOUR side, a policy of user Bob of account 123456789012:" in said
    start = said.index("\n{\n")
    document = said[start : said.index("\n}\n", start) + 2]
    give(bob, json.loads(document))
    assert run("--explain", ARN, environ=aws.environ(bob)).stdout.count("yes") >= 6


@pytest.mark.slow
def test_an_iam_that_does_not_answer_leaves_the_answer_of_sts(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """What only explains may fail; the refusal is AWS's own."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=OTHERS)
    for action in ("SimulatePrincipalPolicy", "GetRole", "ListRoles"):
        aws.fault("throttle", action)
    said = explain(bob, ARN)
    assert steps(said)["role exists"] is None
    assert len(said["Missing"]) == 2


def test_a_role_of_identity_center_is_named_by_a_pattern(
    aws: FakeAws, home: Path, explain: Callable[..., dict[str, Any]]
) -> None:
    """Its path holds a region that can't be told from outside, and its policy is a permission set's."""
    bob = aws.add_user("Bob")
    path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    admin = aws.add_role("AWSReservedSSO_Admin_0123456789abcdef", path=path, trust=bob, allow=[])
    role = aws.add_role("example-role", trust=OTHERS)
    config = f"[profile sso]\nrole_arn = {admin.arn}\nsource_profile = base\n"
    write(home, config, f"[base]\n{lines_of(bob)}")
    said = explain(None, ARN, "--profile", "sso")
    mine, theirs = said["Missing"]
    assert "permission set" in mine["Where"]
    assert mine["Command"] == ""
    admin.policies.append(mine["Document"])
    role.trust = theirs["Document"]
    explain(None, ARN, "--profile", "sso", code=0)


def test_a_source_that_is_a_process_is_asked_as_often_as_need_be(
    aws: FakeAws, home: Path, explain: Callable[..., dict[str, Any]]
) -> None:
    """Its second answer is no loop, though nothing of the first was kept."""
    bob = aws.add_user("Bob", allow=READ)
    role = aws.add_role("example-role", trust=OTHERS)
    given = {
        "Version": 1,
        "AccessKeyId": bob.access_key_id,
        "SecretAccessKey": bob.secret_access_key,
    }
    (home / "keys.json").write_text(json.dumps(given))
    write(home, f"[profile asked]\ncredential_process = cat {home}/keys.json\n")
    words = (ARN, "--profile", "asked", "--no-cache")
    role.trust = missing(explain(None, *words), "the role's trust policy")
    explain(None, *words, code=0)


@pytest.mark.parametrize(
    "expiration, why", [("2001-01-01T00:00:00Z", "have expired"), ("soon", "is no date")]
)
def test_an_expiration_that_botocore_chokes_on_is_a_source_failure(
    aws: FakeAws, run: Callable[..., Result], expiration: str, why: str
) -> None:
    """Exit code 4 in every mode, and never a bug of ours."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob)
    environ = aws.environ(bob) | {"AWS_CREDENTIAL_EXPIRATION": expiration}
    assert why in run(ARN, environ=environ, code=4).stderr
    assert why in run("--explain", ARN, environ=environ, code=4).stdout


def test_a_principal_that_was_deleted_is_told(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """A user who was made again under the same name is another one to IAM."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust="AIDAQWERTYUIOPASDFGH")
    (said,) = [step for step in explain(bob, ARN)["Steps"] if step["Step"] == "trust policy"]
    assert said["Holds"] is False
    assert "AIDAQWERTYUIOPASDFGH, which was deleted" in said["Detail"]


def test_a_condition_that_no_option_meets_is_told_as_such(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """Nothing is printed to paste, since no statement is missing."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob, condition={"ArnLike": {"aws:PrincipalArn": OTHERS}})
    said = explain(bob, ARN)
    assert said["Missing"] == []
    assert said["Advice"] == [
        f"the role wants aws:PrincipalArn ArnLike {OTHERS}, which no option can give"
    ]


def test_a_trust_policy_that_names_you_needs_no_policy_of_yours(
    aws: FakeAws, explain: Callable[..., dict[str, Any]]
) -> None:
    """So the lack of one is no fault, and the condition is what to meet."""
    bob = aws.add_user("Bob", allow=READ)
    aws.add_role("example-role", trust=bob, external_id="x-1")
    said = explain(bob, ARN)
    assert steps(said)["your policy"] is True
    assert steps(said)["condition"] is False
    assert said["Missing"] == []
    explain(bob, ARN, "--external-id", "x-1", code=0)
