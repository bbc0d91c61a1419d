"""An answer of AWS is held against the question: another role, account or session name is refused, and never kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench import Bench, bench
from tests.fake_aws import iam, sts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws.http import Caller, Request
    from tests.fake_aws.world import World

__all__ = ["bench"]

ROLE = "arn:aws:iam::123456789012:role/example-role"
PROCESS = "--credential-process"


@pytest.fixture
def lie(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[dict[str, Any]], None]], None]:
    """Return what has the fake AWS change each answer to an action before it is sent."""

    def lie(action: str, change: Callable[[dict[str, Any]], None]) -> None:
        actions: Any = iam.ACTIONS if action in iam.ACTIONS else sts.ACTIONS
        honest = actions[action]

        def answer(world: World, request: Request, caller: Caller) -> dict[str, Any]:
            said: dict[str, Any] = honest(world, request, caller)
            change(said)
            return said

        monkeypatch.setitem(actions, action, answer)

    return lie


LIES: dict[str, tuple[str, str]] = {
    "another role": ("role/example-role/", "role/example-role2/"),
    "a role that begins alike": ("role/example-role/", "role/example/"),
    "another account": ("::123456789012:", "::210987654321:"),
    "another partition": ("arn:aws:", "arn:aws-cn:"),
    "another session name": ("/me", "/you"),
    "a session name in other letters": ("/me", "/ME"),
    "a longer session name": ("/me", "/me2"),
    "a user": (":sts::123456789012:assumed-role/example-role/me", ":iam::123456789012:user/Bob"),
    "a federated user": ("assumed-role/example-role/me", "federated-user/me"),
}


def replaced(said: dict[str, Any], old: str, new: str) -> None:
    """Change whom an answer to AssumeRole is for."""
    user = said["AssumedRoleUser"]
    assert old in user["Arn"]
    user["Arn"] = user["Arn"].replace(old, new)


def nothing_kept(bench: Bench) -> bool:
    """Tell whether no session is kept."""
    place = bench.cache / "sessions"
    return not place.exists() or bench.session_files == []


@pytest.mark.parametrize("name", LIES)
def test_another_role_than_was_asked_for_is_refused(
    bench: Bench, lie: Callable[..., None], name: str
) -> None:
    """Exit code 5, one line that names both, nothing printed or kept; and once AWS is honest again, it is had."""
    words = (ROLE, PROCESS, "--session-name", "me")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sts.ACTIONS, "AssumeRole", sts.ACTIONS["AssumeRole"])
        lie("AssumeRole", lambda said: replaced(said, *LIES[name]))
        result = bench.run(*words, code=5)
        assert result.stdout == ""
        first, hint = result.stderr.splitlines()
        assert f"{ROLE.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/me" in first
        assert LIES[name][1].strip("/") in first
        assert "is this AWS?" in hint
        assert nothing_kept(bench)
        patch.undo()
    bench.good(bench.run(*words).stdout)


@pytest.mark.parametrize("way", ["env", "exec", "whoami", "the middle of a chain", "MFA"])
def test_it_is_refused_on_every_way(bench: Bench, lie: Callable[..., None], way: str) -> None:
    """By eval, before a COMMAND, where a role is only a source of another, and behind a device."""
    lie("AssumeRole", lambda said: replaced(said, "role/example-role/", "role/other/"))
    words = {
        "env": [ROLE, "--format", "env"],
        "exec": [ROLE, "--", "echo", "WENT-ON"],
        "whoami": ["--whoami", ROLE],
        "the middle of a chain": ["outer", "--format", "env"],
        "MFA": [ROLE, "--mfa-serial", "arn:aws:iam::123456789012:mfa/Bob", "--token-code", "123456"],
    }[way]  # fmt: skip
    bench.aws.add_mfa(bench.bob, codes=["123456"])
    bench.config_file.write_text(
        f"[default]\nregion = eu-west-1\n[profile inner]\nrole_arn = {ROLE}\nsource_profile = default\n"
        f"[profile outer]\nrole_arn = arn:aws:iam::123456789012:role/outer\nsource_profile = inner\n"
    )
    result = bench.run(*words, code=5)
    assert result.stdout in {"", "false;\n"}
    assert "STS answered with credentials of" in result.stderr
    assert [
        path for path in bench.cache.glob("sessions/*") if b"role_arn" in path.read_bytes()
    ] == []


def test_an_answer_that_names_nobody_is_refused(bench: Bench, lie: Callable[..., None]) -> None:
    """STS always says whom the credentials are for."""
    lie("AssumeRole", lambda said: said.pop("AssumedRoleUser"))
    assert "credentials of nobody" in bench.run(ROLE, PROCESS, code=5).stderr


def test_a_role_s_path_is_not_in_the_session_s_name(bench: Bench) -> None:
    """Nor do the letters' cases matter, since IAM knows no two roles that differ in them alone."""
    role = bench.aws.add_role("Deep", path="/a/b/", trust=bench.bob)
    said = json.loads(bench.run(role.arn, PROCESS).stdout)
    assert bench.aws.keys[said["AccessKeyId"]].arn.startswith(
        "arn:aws:sts::123456789012:assumed-role/Deep/"
    )


@pytest.mark.parametrize(
    "old, new",
    [
        ("::123456789012:", "::210987654321:"),
        ("arn:aws:", "arn:aws-us-gov:"),
        (":iam:", ":sts:"),
        (":role/", ":user/"),
    ],
    ids=["account", "partition", "service", "kind"],
)
def test_a_role_of_another_account_for_a_plain_name_is_not_assumed(
    bench: Bench, lie: Callable[..., None], old: str, new: str
) -> None:
    """Whatever it is that ListRoles names: it must be a role of the account that GetCallerIdentity says."""

    def elsewhere(said: dict[str, Any]) -> None:
        for role in said["Roles"]:
            role["Arn"] = role["Arn"].replace(old, new)

    lie("ListRoles", elsewhere)
    result = bench.run("example-role", PROCESS, code=5)
    assert "no role of account 123456789012" in result.stderr
    assert bench.aws.calls("AssumeRole") == []
    assert not (bench.cache / "names").exists()


def test_an_identity_that_contradicts_itself_is_refused(
    bench: Bench, lie: Callable[..., None]
) -> None:
    """Of one account by its number, and of another by its ARN."""
    lie("GetCallerIdentity", lambda said: said.update(Account="210987654321"))
    for words in (["example-role", PROCESS], ["--whoami"]):
        assert "is of account 210987654321" in bench.run(*words, code=5).stderr
    assert bench.aws.calls("AssumeRole") == []


def test_the_account_of_a_role_that_looks_a_name_up_must_be_its_own(
    bench: Bench, lie: Callable[..., None]
) -> None:
    """The source is a role of one account, and AWS says that it is of another."""
    bench.config_file.write_text(
        f"[default]\nregion = eu-west-1\n[profile inner]\nrole_arn = {ROLE}\nsource_profile = default\n"
    )

    def elsewhere(said: dict[str, Any]) -> None:
        said["Arn"] = said["Arn"].replace("123456789012", "210987654321")
        said["Account"] = "210987654321"

    lie("GetCallerIdentity", elsewhere)
    result = bench.run("-p", "inner", "target", PROCESS, code=5)
    assert "are of account 123456789012, and STS says 210987654321" in result.stderr


def test_a_web_identity_s_role_of_another_account_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Botocore assumes it by itself, and says of which account the answer was."""
    honest = sts.assume_role_with_web_identity

    def elsewhere(world: World, request: Request) -> dict[str, Any]:
        said = honest(world, request)
        replaced(said, "123456789012", "210987654321")
        return said

    monkeypatch.setattr(sts, "assume_role_with_web_identity", elsewhere)
    token = bench.aws.add_web_identity("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", subject="job")
    bench.aws.add_role("of-the-job", trust="*", trusted_actions=["sts:AssumeRoleWithWebIdentity"])
    (bench.tmp_path / "token").write_text(token)
    environ = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(bench.tmp_path / "token"),
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/of-the-job",
    }
    bench.credentials_file.unlink()
    result = bench.run(ROLE, PROCESS, code=4, environ=environ)
    assert "STS answered with account 210987654321" in result.stderr
    assert bench.aws.calls("AssumeRole") == []
