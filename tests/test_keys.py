"""What is there in a profile means something: empty, or of the wrong kind, it is an error that names it.

tests/conformance_table.py holds the same against botocore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

ROLE = "role_arn = arn:aws:iam::123456789012:role/example-role"
BOB = "source_profile = bob"
KEYS = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret"
# What stands in profile x, by the key that is at fault in it.
EMPTY = {
    "role_arn": f"role_arn =\n{BOB}",
    "source_profile": f"{ROLE}\nsource_profile =",
    "credential_source": f"{ROLE}\ncredential_source =",
    "credential_process": "credential_process =",
    "sso_session": "sso_account_id = 123456789012\nsso_role_name = Developer\nsso_session =",
    "sso_account_id": "sso_session = corp\nsso_role_name = Developer\nsso_account_id =",
    "sso_start_url": "sso_start_url =\nsso_region = us-east-1\nsso_account_id = 123456789012",
    "login_session": "login_session =",
    "web_identity_token_file": f"{ROLE}\n{BOB}\nweb_identity_token_file =",
    "aws_access_key_id": "aws_access_key_id =\naws_secret_access_key = secret",
    "aws_secret_access_key": "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key =",
    "external_id": f"{ROLE}\n{BOB}\nexternal_id =",
    "duration_seconds": f"{ROLE}\n{BOB}\nduration_seconds =",
    "source_identity": f"{ROLE}\n{BOB}\nsource_identity =",
    "policy": f"{ROLE}\n{BOB}\npolicy =",
    "policy_arns": f"{ROLE}\n{BOB}\npolicy_arns =",
    "session_tags": f"{ROLE}\n{BOB}\nsession_tags =",
    "transitive_session_tags": f"{ROLE}\n{BOB}\ntransitive_session_tags =",
    "mfa_process": f"{ROLE}\n{BOB}\nmfa_process =",
    "mfa_serial": f"{ROLE}\n{BOB}\nmfa_serial =",
    "services": f"{ROLE}\n{BOB}\nservices =",
}
BLOCKS = {
    key: f"{ROLE}\n{more}\n{key} =\n  id = 7"
    for key, more in {
        "source_profile": "",
        "credential_source": "",
        "external_id": BOB,
        "role_session_name": BOB,
        "source_identity": BOB,
        "duration_seconds": BOB,
        "mfa_serial": BOB,
        "policy": BOB,
        "region": BOB,
    }.items()
}
RUN_ON = {
    "source_profile": f"{ROLE}\nsource_profile = bob\n  region = eu-west-1",
    "region": f"{ROLE}\n{BOB}\nregion = eu-west-1\n  external_id = e-id",
    "aws_access_key_id": "aws_access_key_id = AKIAEXAMPLE\n aws_secret_access_key = secret",
}
FAULTS = [
    *((key, text, "is empty") for key, text in EMPTY.items()),
    *((key, text, "is a block of lines, where a word belongs") for key, text in BLOCKS.items()),
    *((key, text, "has more than one line") for key, text in RUN_ON.items()),
]
IDS = [f"{key} {what}" for key, _, what in FAULTS]


@pytest.fixture
def config(
    bob: Keys, aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """Return a function that writes a config with profile x; everything else that could be somebody is somebody too."""
    aws.metadata.container_role = aws.add_role("container", trust="*")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/container/credentials")

    def write_it(x: str, more: str = "") -> str:
        keys = lines_of(bob)
        text = f"[profile x]\n{x}\n\n[profile bob]\n{keys}\n[default]\n{keys}\n{more}"
        write(
            home, f"{text}\n[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://a\n"
        )
        return str(home / ".aws/config")

    return write_it


@pytest.mark.parametrize("key, text, what", FAULTS, ids=IDS)
def test_a_key_that_says_nothing_is_an_error(
    config: Callable[..., str],
    aws: FakeAws,
    run: Callable[..., Result],
    key: str,
    text: str,
    what: str,
) -> None:
    """The message names key, profile and file; nobody is asked for anything, by this profile or by one before it."""
    path = config(text, f"[profile before]\n{ROLE}\nsource_profile = x\n")
    said = run("x" if FAULTS.index((key, text, what)) % 2 else "before", "--format", "env", code=3)
    assert said.stdout == "false;\n"
    assert said.stderr.startswith(f'awsassume: {key} of profile "x" in {path} {what}')
    assert aws.calls() == []


@pytest.mark.parametrize(
    "words, environ",
    [((), {}), ((), {"AWS_PROFILE": "x"}), (("--profile", "x"), {})],
    ids=["default", "AWS_PROFILE", "--profile"],
)
def test_so_is_one_of_the_profile_that_a_role_is_assumed_with(
    config: Callable[..., str],
    run: Callable[..., Result],
    words: tuple[str, ...],
    environ: dict[str, str],
) -> None:
    """Keys beside it are no excuse."""
    text = f"{EMPTY['login_session']}\n{KEYS}" if words or environ else KEYS
    config(text, "" if words or environ else "login_session =\n")
    arn = "arn:aws:iam::123456789012:role/example-role"
    said = run(arn, *words, "--format", "env", environ=environ, code=3)
    assert "login_session of profile" in said.stderr


def test_the_credentials_file_is_named_where_the_key_stands_in_it(
    home: Path, run: Callable[..., Result]
) -> None:
    """Its keys win, the empty ones too."""
    write(home, f"[profile x]\n{ROLE}\n{BOB}\n", "[x]\nsource_profile =\n[bob]\n")
    said = run("x", code=3).stderr
    assert f'source_profile of profile "x" in {home}/.aws/credentials is empty' in said


@pytest.mark.parametrize("key", ["sso_start_url", "sso_region"])
def test_an_sso_session_says_what_it_names(
    home: Path, run: Callable[..., Result], key: str
) -> None:
    """Its section is read with the profile's."""
    text = "[profile x]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = R\n"
    lines = {"sso_start_url": "https://a", "sso_region": "us-east-1", key: ""}
    section = "".join(f"{name} = {value}\n" for name, value in lines.items())
    write(home, f"{text}[sso-session corp]\n{section}")
    said = run("x", code=3).stderr
    assert f'{key} of sso-session "corp" in {home}/.aws/config is empty' in said


def test_what_nobody_is_by_may_be_empty(
    config: Callable[..., str], run: Callable[..., Result]
) -> None:
    """What botocore takes for absent: a Region, a session's name, a source's device, the token of keys without one."""
    config(
        f"{ROLE}\nsource_profile = default\nregion =\nrole_session_name =\nendpoint_url =",
        "aws_session_token =\nmfa_serial =\nuse_fips_endpoint =\n",
    )
    run("x", "--format", "process")


def test_a_broken_profile_is_nobodys_who_does_not_need_it(
    config: Callable[..., str], run: Callable[..., Result]
) -> None:
    """It is listed with what is wrong, and another's role is assumed."""
    config(
        EMPTY["source_profile"],
        f"login_session =\n[profile sound]\n{ROLE}\n{BOB}\n[profile y]\nrole_arn =\n",
    )
    run("sound", "--format", "process")
    listed = run("--list", "--json").stdout
    assert 'source_profile of profile \\"x\\"' in listed
    assert 'role_arn of profile \\"y\\"' in listed


def test_a_key_that_was_emptied_is_seen_where_the_role_is_remembered(
    config: Callable[..., str], run: Callable[..., Result]
) -> None:
    """The session that is kept is no answer to a config that has changed."""
    config(f"{ROLE}\n{BOB}")
    run("x", "--format", "process")
    run("x", "--format", "process")
    config(EMPTY["source_profile"])
    assert run("x", "--format", "process", code=3).stdout == ""


@pytest.mark.parametrize(
    "header", ["profile default", 'profile "default"'], ids=["plain", "quoted"]
)
@pytest.mark.parametrize(
    "words, environ",
    [
        (("default",), {}),
        (("arn:aws:iam::123456789012:role/example-role",), {}),
        (("arn:aws:iam::123456789012:role/example-role", "--profile", "default"), {}),
        (("arn:aws:iam::123456789012:role/example-role",), {"AWS_PROFILE": "default"}),
        (("x",), {}),
    ],
    ids=["by name", "unnamed", "--profile", "AWS_PROFILE", "source_profile"],
)
def test_default_that_stands_twice_is_an_error(
    config: Callable[..., str],
    run: Callable[..., Result],
    header: str,
    words: tuple[str, ...],
    environ: dict[str, str],
) -> None:
    """To botocore the later counts, and to every other SDK [profile default]."""
    path = config(
        f"{ROLE}\nsource_profile = default",
        f"[{header}]\naws_access_key_id = AKIAEVE\naws_secret_access_key = s\n",
    )
    said = run(*words, environ=environ, code=3)
    assert said.stdout == "false;\n"
    assert f'profile "default" stands in {path} as [default] and [{header}]' in said.stderr


def test_another_profile_that_stands_twice_is_one_too(
    config: Callable[..., str], run: Callable[..., Result]
) -> None:
    """Quoted and plain are one name to botocore, which takes the later, and two names to others."""
    config(f"{ROLE}\n{BOB}", f'[profile "x"]\n{ROLE}\nsource_profile = default\n')
    assert '[profile x] and [profile "x"]' in run("x", code=3).stderr
    run("bob", "--format", "process")


@pytest.mark.parametrize("kind", ["sso-session", "services"])
def test_a_section_that_a_profile_names_stands_once(
    config: Callable[..., str], run: Callable[..., Result], kind: str
) -> None:
    """Whose login it is, and where AWS is called, must be plain too."""
    keys = {
        "sso-session": "sso_session = twice\nsso_account_id = 1\nsso_role_name = R",
        "services": f"{ROLE}\n{BOB}\nservices = twice",
    }
    body = "sso_region = us-east-1\nsso_start_url = https://a\n"
    config(keys[kind], f'[{kind} twice]\n{body}[{kind} "twice"]\n{body}')
    said = f'as [{kind} twice] and [{kind} "twice"]'
    assert said in run("x", code=3).stderr
    if kind == "sso-session":
        assert said in run("--login", "twice", "--no-open", code=3).stderr


def test_default_may_stand_once_in_each_file(
    bob: Keys, home: Path, run: Callable[..., Result]
) -> None:
    """[profile default] in one file, and [default] in the other, as `aws configure` has always written it."""
    write(home, "[profile default]\nregion = eu-west-1\n", f"[default]\n{lines_of(bob)}")
    run("arn:aws:iam::123456789012:role/example-role", "--format", "process")
