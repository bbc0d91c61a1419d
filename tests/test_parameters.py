"""The parameters of AssumeRole: where each is given, which counts, and what AWS would refuse."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.calls import Call
    from tests.fake_aws.model import Keys

POLICY = '{"Version":"2012-10-17","Statement":[]}'
MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def bob(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Give Bob, whom every role trusts."""
    bob = aws.add_user("Bob")
    for name in ("r", "s"):
        aws.add_role(name, trust="*", max_session_duration=7200)
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    return bob


@pytest.fixture
def profile(home: Path, bob: Keys) -> Callable[..., None]:
    """Return a function that writes the profile `x` of role `r` with these lines; and `y` behind it, or in its source."""

    def profile(lines: str = "", *, source: str = "", behind: str | None = None) -> None:
        parts = [f"[default]\n{lines_of(bob)}{source}\n"]
        named = "default"
        if behind is not None:
            named = "y"
            parts.append(
                f"[profile y]\nrole_arn = arn:aws:iam::123456789012:role/s\nsource_profile = default\n{behind}\n"
            )
        parts.append(
            f"[profile x]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = {named}\n{lines}\n"
        )
        write(home, "".join(parts))

    return profile


def told(aws: FakeAws) -> Call:
    """Give the last AssumeRole."""
    return aws.calls("AssumeRole")[-1]


GIVEN: list[tuple[str, str, list[str], dict[str, str], dict[str, str]]] = [
    (
        "role_session_name = from-profile",
        "AWSASSUME_SESSION_NAME=from-variable",
        ["--session-name", "from-line"],
        {"RoleSessionName": "from-profile"},
        {"RoleSessionName": "from-line"},
    ),
    (
        "duration_seconds = 1800",
        "AWSASSUME_DURATION=20m",
        ["--duration", "15m"],
        {"DurationSeconds": "1800"},
        {"DurationSeconds": "900"},
    ),
    (
        "external_id = from/profile",
        "",
        ["--external-id", "from:line"],
        {"ExternalId": "from/profile"},
        {"ExternalId": "from:line"},
    ),
    (
        f"policy = {POLICY}",
        "",
        ["--policy", '{"Statement": [], "Version": "2008-10-17"}'],
        {"Policy": POLICY},
        {"Policy": '{"Statement":[],"Version":"2008-10-17"}'},
    ),
    (
        f"policy_arns = {MANAGED}, {MANAGED}2",
        "",
        ["--policy-arn", f"{MANAGED}3"],
        {"PolicyArns.member.1.arn": MANAGED, "PolicyArns.member.2.arn": f"{MANAGED}2"},
        {"PolicyArns.member.1.arn": f"{MANAGED}3"},
    ),
    (
        "session_tags = Team=pay roll, env=prod\ntransitive_session_tags = team",
        "",
        ["--tag", "a=b=c", "--transitive-tag", "a"],
        {
            "Tags.member.1.Key": "Team",
            "Tags.member.1.Value": "pay roll",
            "Tags.member.2.Key": "env",
            "TransitiveTagKeys.member.1": "team",
        },
        {
            "Tags.member.1.Key": "a",
            "Tags.member.1.Value": "b=c",
            "TransitiveTagKeys.member.1": "a",
        },
    ),
    (
        "session_tags =\n  team = x\n  env = prod",
        "",
        ["--tag", "only="],
        {
            "Tags.member.1.Key": "team",
            "Tags.member.1.Value": "x",
            "Tags.member.2.Value": "prod",
        },
        {"Tags.member.1.Key": "only", "Tags.member.1.Value": ""},
    ),
    (
        "source_identity = from.profile",
        "",
        ["--source-identity", "from.line"],
        {"SourceIdentity": "from.profile"},
        {"SourceIdentity": "from.line"},
    ),
]


@pytest.mark.parametrize(
    "lines, variable, words, by_profile, by_line", GIVEN, ids=[row[0].split()[0] for row in GIVEN]
)
def test_the_line_beats_the_profile_beats_the_variable(
    aws: FakeAws,
    profile: Callable[..., None],
    run: Callable[..., Result],
    lines: str,
    variable: str,
    words: list[str],
    by_profile: dict[str, str],
    by_line: dict[str, str],
) -> None:
    """And the variable beats the default."""
    name, _, value = variable.partition("=")
    environ = {name: value} if name else {}
    profile(lines)
    run("x", environ=environ)
    assert by_profile.items() <= told(aws).parameters.items()
    run("x", *words, environ=environ)
    assert by_line.items() <= told(aws).parameters.items()
    assert not {key for key in told(aws).parameters if key.endswith(".2.arn") or ".2.Key" in key}
    profile()
    run("x", environ=environ)
    if name:
        expected = {"AWSASSUME_DURATION": "1200"}.get(name, value)
        assert expected in told(aws).parameters.values()
    else:
        assert set(told(aws).parameters) == {"Action", "Version", "RoleArn", "RoleSessionName"}


def test_the_default_name_is_the_user_s_at_this_machine(
    aws: FakeAws, profile: Callable[..., None], run: Callable[..., Result]
) -> None:
    """With what AWS does not allow made into hyphens."""
    profile()
    run("x", environ={"LOGNAME": "jane doe/ü"})
    assert re.fullmatch(r"jane-doe--@[\w.-]+", told(aws)["RoleSessionName"])


def test_a_policy_may_be_a_file(
    aws: FakeAws, profile: Callable[..., None], run: Callable[..., Result], home: Path
) -> None:
    """On the line from where one stands, in a profile from where the config file stands; an edit counts at once."""
    (home / ".aws/narrow.json").write_text(POLICY)
    profile("policy = narrow.json")
    run("x", cwd="/")
    assert told(aws)["Policy"] == POLICY
    (home / "own.json").write_text(POLICY.replace("2012", "2008"))
    run("x", "--policy", "own.json", cwd=home)
    assert "2008" in told(aws)["Policy"]
    (home / ".aws/narrow.json").write_text(POLICY.replace("[]", "[ {} ]"))
    run("x", cwd="/")
    assert told(aws)["Policy"].endswith('"Statement":[{}]}')


def test_a_step_on_the_way_has_its_own(
    aws: FakeAws, profile: Callable[..., None], run: Callable[..., Result]
) -> None:
    """The line's options are for the role that is asked for, and so is the team's duration."""
    profile(behind="external_id = mine\nduration_seconds = 900\nsession_tags = a=b")
    words = ["--external-id", "asked", "--session-name", "asked", "--tag", "c=d"]
    run("x", *words, environ={"AWSASSUME_DURATION": "12h", "AWSASSUME_SESSION_NAME": "team"})
    inner, outer = aws.calls("AssumeRole")
    assert (inner["ExternalId"], inner["DurationSeconds"], inner["RoleSessionName"]) == (
        "mine",
        "900",
        "team",
    )
    assert (outer["ExternalId"], outer["RoleSessionName"]) == ("asked", "asked")
    assert (inner["Tags.member.1.Key"], outer["Tags.member.1.Key"]) == ("a", "c")
    # A default gives way to what AWS has to give; a wish is refused below.
    assert outer["DurationSeconds"] == "3600"


def test_what_roles_pass_through_is_shared(
    aws: FakeAws, profile: Callable[..., None], run: Callable[..., Result]
) -> None:
    """A session on the way is kept for all who come that way, and for who asks for it itself."""
    profile(behind="")
    run("x")
    run("x", "--session-name", "other", "--region", "eu-west-1")
    run("y")
    arns = [call["RoleArn"].rpartition("/")[2] for call in aws.calls("AssumeRole")]
    assert arns == ["s", "r", "r"]


def _refused(said: Result, rule: str, where: str) -> None:
    assert rule in said.stderr, said
    assert where in said.stderr, said
    assert said.stdout == "false;\n"


TOO_LONG = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "x" * 2048}]})
BAD: list[tuple[str, str, str | None, str]] = [
    # The profile's key, its value, the option, and a part of the rule.
    ("role_session_name", "two words", "--session-name", "2 to 64"),
    ("role_session_name", "x", "--session-name", "2 to 64"),
    ("role_session_name", "x" * 65, "--session-name", "2 to 64"),
    ("role_session_name", "jürgen", "--session-name", "2 to 64"),
    ("duration_seconds", "899", "--duration", "from 900 seconds"),
    ("duration_seconds", "43201", "--duration", "to 43200"),
    ("duration_seconds", "1h30", None, "a whole number of seconds"),
    ("duration_seconds", "-900", None, "a whole number of seconds"),
    ("duration_seconds", "", None, "is empty"),
    ("external_id", "x", "--external-id", "2 to 1224"),
    ("external_id", "with blank", "--external-id", "2 to 1224"),
    ("mfa_serial", "short", "--mfa-serial", "of an MFA device"),
    ("mfa_serial", "arn:aws:iam::12345:mfa/bob", "--mfa-serial", "of an MFA device"),
    ("mfa_serial", "arn:aws:iam::123456789012:user/bob", "--mfa-serial", "of an MFA device"),
    ("mfa_serial", "arn:aws:iam::123456789012:u2f/user/bob/k", "--mfa-serial", "a security key"),
    ("policy", "{nonsense}", "--policy", "is not JSON"),
    ("policy", "no-such-file.json", "--policy", "can't be read: No such file"),
    ("policy", TOO_LONG, "--policy", "at most 2048"),
    ("policy_arns", "ReadOnlyAccess", "--policy-arn", "a policy ARN"),
    ("policy_arns", ",".join([MANAGED] * 11), None, "at most 10"),
    ("policy_arns", ",", None, "a list"),
    ("session_tags", "no-equals", "--tag", "KEY=VALUE"),
    ("session_tags", "a=semi;colon", "--tag", "KEY=VALUE"),
    ("session_tags", "=value", "--tag", "KEY=VALUE"),
    ("session_tags", "aws:x=y", "--tag", "can't begin with aws:"),
    ("session_tags", "team=a, Team=b", None, "is given twice"),
    ("session_tags", ",".join(f"k{n}=v" for n in range(51)), None, "at most 50"),
    ("transitive_session_tags", "gone", "--transitive-tag", "one of the session tags"),
    ("source_identity", "two words", "--source-identity", "2 to 64"),
    ("region", "eu west 1", "--region", "a Region"),
    ("region", "eu-west-1.evil.example/", "--region", "a Region"),
]


@pytest.mark.parametrize(
    "key, value, option, rule", BAD, ids=[f"{row[0]}-{row[1][:12]}" for row in BAD]
)
def test_what_aws_would_refuse_is_refused_here(
    aws: FakeAws,
    profile: Callable[..., None],
    run: Callable[..., Result],
    home: Path,
    key: str,
    value: str,
    option: str | None,
    rule: str,
) -> None:
    """Naming the key, the file and the rule; on the way too; and the option, where it came by one. AWS is not asked."""
    config = str(home / ".aws/config")
    profile(f"{key} = {value}")
    _refused(run("x", code=3), rule, f'{key} of profile "x" in {config}')
    profile(behind=f"{key} = {value}")
    _refused(run("x", code=3), rule, f'{key} of profile "y" in {config}')
    if option:
        profile()
        _refused(run("x", option, value, code=2), rule, option)
    assert not aws.calls()


@pytest.mark.parametrize(
    "source, where",
    [
        ("mfa_serial = nonsense", 'mfa_serial of profile "default"'),
        ("region = a b", 'region of profile "default"'),
    ],
)
def test_what_stands_in_the_source_s_profile_is_looked_at_too(
    aws: FakeAws, profile: Callable[..., None], run: Callable[..., Result], source: str, where: str
) -> None:
    """Where the role's profile has no word of its own on the matter."""
    profile(source=source)
    # The shell's Region would be before it.
    environ = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    _refused(run("x", environ=environ, code=3), "is not", where)
    assert not aws.calls()


@pytest.mark.parametrize(
    "name, value, rule",
    [
        ("AWSASSUME_SESSION_NAME", "two words", "2 to 64"),
        ("AWSASSUME_DURATION", "1h30", "seconds"),
        ("AWSASSUME_DURATION", "5m", "from 900"),
        ("AWS_REGION", "nowhere at all", "a Region"),
    ],
)
def test_a_variable_is_named_too(
    aws: FakeAws,
    profile: Callable[..., None],
    run: Callable[..., Result],
    name: str,
    value: str,
    rule: str,
) -> None:
    """What a team sets for all is looked at as closely."""
    profile()
    _refused(run("x", environ={name: value}, code=3), rule, name)
    assert not aws.calls()


def test_a_tag_key_twice_on_the_line_is_refused(
    aws: FakeAws, profile: Callable[..., None], run: Callable[..., Result]
) -> None:
    """To AWS keys that differ by case are the same."""
    profile()
    _refused(run("x", "--tag", "team=a", "--tag", "TEAM=b", code=2), "given twice", "--tag")
    assert not aws.calls()


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::12345:role/r",
        "arn:aws:iam::123456789012:user/r",
        "arn:aws:sts::123456789012:role/r",
    ],
)
def test_a_malformed_arn_is_refused(
    aws: FakeAws, bob: Keys, home: Path, run: Callable[..., Result], arn: str
) -> None:
    """On the line, in a profile, and on the way."""
    write(
        home,
        f"[default]\n{lines_of(bob)}[profile x]\nrole_arn = {arn}\nsource_profile = default\n"
        "[profile z]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = x\n",
    )
    for words, code in (([arn], 2), (["x"], 3), (["z"], 3)):
        said = run(*words, code=code)
        assert "not a role ARN" in said.stderr
        assert code == 2 or 'role_arn of profile "x" in' in said.stderr
    assert not aws.calls()


@pytest.mark.parametrize("words, code", [(["--duration", "2h"], 2), ([], 3)])
def test_the_hour_of_a_chain_is_known_before_aws_is_asked(
    aws: FakeAws,
    profile: Callable[..., None],
    run: Callable[..., Result],
    words: list[str],
    code: int,
) -> None:
    """A wish for more is refused with where it was made."""
    profile("" if words else "duration_seconds = 7200", behind="")
    said = run("x", *words, code=code)
    where = "--duration" if words else 'duration_seconds of profile "x" in'
    _refused(said, "lasts an hour at most", where)
    assert not aws.calls()


def test_the_hour_of_a_temporary_source_is_known_too(
    aws: FakeAws, bob: Keys, profile: Callable[..., None], run: Callable[..., Result]
) -> None:
    """Keys of the environment that end are no user's own."""
    profile()
    temporary = aws.issue(bob.owner, None, 3600)
    arn = "arn:aws:iam::123456789012:role/r"
    said = run(arn, "--duration", "2h", environ=temporary.environ, code=2)
    assert "lasts an hour at most" in said.stderr
    assert not aws.calls()
    run(arn, environ={**temporary.environ, "AWSASSUME_DURATION": "2h"})
    assert told(aws)["DurationSeconds"] == "3600"


@pytest.mark.parametrize("readable", [True, False])
def test_a_duration_that_is_too_long_for_the_role_is_explained(
    aws: FakeAws,
    home: Path,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    readable: bool,
) -> None:
    """By the role's own maximum where iam:GetRole may be read; and how to raise it in any case."""
    allow = ["sts:*", *(["iam:GetRole"] if readable else [])]
    bob = aws.add_user("Bob", allow=allow)
    role = aws.add_role("r", trust=bob, max_session_duration=5400)
    write(
        home,
        f"[default]\n{lines_of(bob)}[profile x]\nrole_arn = {role.arn}\nsource_profile = default\n",
    )
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    said = run("x", "--duration", "3h", code=5)
    assert "the duration is longer than the role allows (ValidationError" in said.stderr
    assert "aws iam update-role --role-name r --max-session-duration 10800" in said.stderr
    assert ("its longest is 5400 s: give --duration 5400" in said.stderr) is readable
    assert "DurationSeconds" not in _parameters(run("x"), aws)


def _parameters(_said: Result, aws: FakeAws) -> dict[str, Any]:
    return told(aws).parameters


def test_what_would_be_lost_is_refused(bob: Keys, home: Path, run: Callable[..., Result]) -> None:
    """A policy that narrows nothing is worse than an error: a profile of keys has no AssumeRole to take it."""
    write(home, f"[profile keys]\n{lines_of(bob)}")
    for words in (
        ["--policy", POLICY],
        ["--tag", "a=b"],
        ["--duration", "1h"],
        ["--session-name", "me"],
        ["--token-code", "123456"],
        ["--policy-arn", MANAGED],
    ):
        said = run("keys", *words, code=2)
        assert f'{words[0]} has no meaning with profile "keys"' in said.stderr
    assert (
        "no MFA device"
        in run(
            "arn:aws:iam::123456789012:role/r",
            "--profile",
            "keys",
            "--token-code",
            "123456",
            code=2,
        ).stderr
    )
    assert os.listdir(home) == [".aws"]
