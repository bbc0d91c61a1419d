"""A source that another tool's key names is not passed over: the profile would be assumed with somebody else."""

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
PROCESS = "write credential_process = COMMAND"
FOREIGN = {
    "include_profile = eve": "write source_profile = NAME",
    "parent_profile = eve": "write source_profile = NAME",
    "web_identity_token_process = print-token": PROCESS,
    "web_identity_auth_url = https://sign.on/oidc": PROCESS,
    "web_identity_client_id = me": PROCESS,
    "saml_auth_url = https://sign.on/saml": PROCESS,
    "saml_username = eve": PROCESS,
    "jump_role_arn = arn:aws:iam::123456789012:role/jump": "write source_profile = a profile",
    "azure_tenant_id = 1": PROCESS,
    "okta_org_url = https://sign.on": PROCESS,
    "google_config.google_idp_id = C1": PROCESS,
    "source-profile = eve": "write source_profile = NAME",
    "sourceprofile = eve": "write source_profile = NAME",
    "credential-source = Environment": "write credential_source = Environment",
}


@pytest.fixture
def config(
    bob: Keys, aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """Return a function that writes a config with profile x; Bob is [default], and the machine is somebody too."""
    aws.metadata.container_role = aws.add_role("container", trust="*")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/container/credentials")

    def write_it(x: str) -> str:
        before = f"[profile before]\n{ROLE}\nsource_profile = x\n"
        eve = lines_of(aws.add_user("Eve"))
        write(home, f"[profile x]\n{x}\n{before}[default]\n{lines_of(bob)}[profile eve]\n{eve}")
        return str(home / ".aws/config")

    return write_it


def refused(said: Result, key: str, path: str, how: str) -> None:
    """Hold a failure that names the key and says how it is written here."""
    first, hint = said.stderr.splitlines()
    assert first.startswith(f'awsassume: {key} of profile "x" in {path} names a source'), said
    assert how in hint
    assert said.stdout == "false;\n"


@pytest.mark.parametrize("line", FOREIGN)
def test_a_role_without_a_source_that_another_tool_would_know(
    config: Callable[[str], str], aws: FakeAws, run: Callable[..., Result], line: str
) -> None:
    """It is refused, and in the middle of a chain too; nobody is asked."""
    path = config(f"{ROLE}\n{line}")
    name = "before" if list(FOREIGN).index(line) % 2 else "x"
    refused(run(name, code=3), line.split(" ", maxsplit=1)[0], path, FOREIGN[line])
    assert aws.calls() == []


@pytest.mark.parametrize(
    "words, environ",
    [
        (("x",), {}),
        (("before",), {}),
        (("arn:aws:iam::123456789012:role/r",), {"AWS_PROFILE": "x"}),
    ],
    ids=["asked for", "as a source", "AWS_PROFILE"],
)
def test_a_profile_without_credentials_that_another_tool_would_know(
    config: Callable[[str], str],
    aws: FakeAws,
    run: Callable[..., Result],
    words: tuple[str, ...],
    environ: dict[str, str],
) -> None:
    """It would be the machine otherwise."""
    path = config("region = eu-west-1\ninclude_profile = eve")
    refused(run(*words, environ=environ, code=3), "include_profile", path, "source_profile = NAME")
    assert aws.calls() == []


@pytest.mark.parametrize(
    "x, words",
    [
        (f"{ROLE}\nsource_profile = default\ninclude_profile = eve", ()),
        (f"{ROLE}\ncredential_source = EcsContainer\nsaml_username = eve", ()),
        (f"{ROLE}\nparent_profile = eve", ("--profile", "default")),
    ],
    ids=["source_profile", "credential_source", "--profile"],
)
def test_where_a_source_is_named_others_keys_are_theirs(
    config: Callable[[str], str],
    run: Callable[..., Result],
    x: str,
    words: tuple[str, ...],
) -> None:
    """SDKs pass over what they don't know, and so do we."""
    config(x)
    run("x", *words, "--format", "process")
