"""The endpoints of a profile, as a shell, a command and an SDK find them beside a role's credentials."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awsassume import environment
from awsassume.credentials import Credentials
from tests.aws_files import assumed, lines_of, on_path, write
from tests.conftest import need
from tests.fake_aws import FakeAws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.model import Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"
# What a profile says, and what the environment says then; URL is the fake AWS.
SAID = {
    "endpoint_url = {url}": {"AWS_ENDPOINT_URL": "{url}"},
    "endpoint_url = {url}/?a=b c&d='e'\"f\" $HOME": {"AWS_ENDPOINT_URL": "{url}/?a=b c&d='e'\"f\" $HOME"},
    "use_fips_endpoint = true": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "use_fips_endpoint = TRUE": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "use_fips_endpoint = false": {"AWS_USE_FIPS_ENDPOINT": "false"},
    "use_dualstack_endpoint = true": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "sts_regional_endpoints = legacy": {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"},
    "ca_bundle = {home}/ca.pem": {"AWS_CA_BUNDLE": "{home}/ca.pem"},
    "services = mine": {"AWS_ENDPOINT_URL_STS": "{url}", "AWS_ENDPOINT_URL_ELASTIC_BEANSTALK": "http://127.0.0.1:2"},
    "services = mine\nendpoint_url = http://127.0.0.1:3": {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_STS": "{url}",
        "AWS_ENDPOINT_URL_ELASTIC_BEANSTALK": "http://127.0.0.1:2",
    },
    "ignore_configured_endpoint_urls = true\nservices = mine\nendpoint_url = http://127.0.0.1:3": {
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"
    },
    "s3 =\n  use_accelerate_endpoint = true": {},
}  # fmt: skip


def profiles(home: Path, bob: Keys, more: str, url: str) -> None:
    """Write a profile with keys of its own that says more."""
    write(
        home,
        f"[profile own]\n{more}\n"
        f"[services mine]\nsts =\n  endpoint_url = {url}\nelastic_beanstalk =\n  endpoint_url = http://127.0.0.1:2\n"
        "bad-name =\n  endpoint_url = http://127.0.0.1:4\nec2 =\n  other = x\nword = x\n",
        f"[own]\n{lines_of(bob)}",
    )


def filled(text: str, aws: FakeAws, home: Path) -> str:
    """Put the address and the home into a text."""
    return text.replace("{url}", aws.url).replace("{home}", str(home))


def of_endpoints(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what an environment says of endpoints."""
    return {name: value for name, value in environ.items() if environment.is_setting(name)}


def in_command(said: str) -> dict[str, str]:
    """Read what `env` printed of endpoints."""
    return of_endpoints(dict(re.findall(r"^(\w+)=(.*)$", said, re.MULTILINE)))


@pytest.fixture
def shell_of_bob(aws: FakeAws, home: Path, bob: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the fake's address out of the environment: the profiles say it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    write(
        home,
        f"[default]\nregion = us-east-1\nendpoint_url = {aws.url}\n"
        f"[profile example]\nrole_arn = {ROLE}\nsource_profile = default\nservices = mine\n"
        "use_dualstack_endpoint = false\n"
        f"[profile other]\nrole_arn = {ROLE}\nsource_profile = default\nendpoint_url = {aws.url}\n"
        f"[profile dead]\nrole_arn = {ROLE}\nsource_profile = default\nendpoint_url = http://127.0.0.1:9\n"
        f"[profile bare]\n[services mine]\nsts =\n  endpoint_url = {aws.url}\n"
        "s3_control =\n  endpoint_url = http://127.0.0.1:2\n",
        f"[default]\n{lines_of(bob)}[bare]\n{lines_of(bob)}",
    )


EXAMPLE = {
    "AWS_USE_DUALSTACK_ENDPOINT": "false",
    "AWS_ENDPOINT_URL_STS": "{url}",
    "AWS_ENDPOINT_URL_S3_CONTROL": "http://127.0.0.1:2",
}


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("said", SAID)
def test_what_a_profile_says_of_endpoints_is_in_the_environment(
    aws: FakeAws, home: Path, bob: Keys, run: Callable[..., Result], said: str
) -> None:
    """By the variables that SDKs read; the first time and by memory. With keys of its own a profile calls nobody."""
    profiles(home, bob, filled(said, aws, home), aws.url)
    expected = {name: filled(value, aws, home) for name, value in SAID[said].items()}
    for _ in range(2):
        found = run("own", "--", "env", environ={"AWS_ENDPOINT_URL": None}).stdout
        assert in_command(found) == expected


@pytest.mark.parametrize(
    "words, environ, expected",
    [
        (["example"], {}, EXAMPLE),
        (["example", "--serve"], {}, EXAMPLE),
        (["example", "--serve"], {"AWS_ENDPOINT_URL_STS": "{url}"}, EXAMPLE),
        (["other"], {}, {"AWS_ENDPOINT_URL": "{url}"}),
        # A role that no profile names is called as its source would call, and goes on so.
        ([ROLE], {}, {"AWS_ENDPOINT_URL": "{url}"}),
        (["example-role"], {}, {"AWS_ENDPOINT_URL": "{url}"}),
        ([ROLE, "--profile", "bare"], {"AWS_ENDPOINT_URL": "{url}"}, {"AWS_ENDPOINT_URL": "{url}"}),
        # What the environment says is before the profile, and stays: as in SDKs, AWS_ENDPOINT_URL before a profile's services.
        (["dead"], {"AWS_ENDPOINT_URL": "{url}"}, {"AWS_ENDPOINT_URL": "{url}"}),
        (["dead"], {"AWS_ENDPOINT_URL_STS": "{url}"},
         {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_STS": "{url}"}),
        (["example"], {"AWS_ENDPOINT_URL": "{url}"},
         {"AWS_ENDPOINT_URL": "{url}", "AWS_USE_DUALSTACK_ENDPOINT": "false"}),
        (["example"], {"AWS_USE_DUALSTACK_ENDPOINT": "", "AWS_ENDPOINT_URL_S3_CONTROL": "http://127.0.0.1:5"},
         {**EXAMPLE, "AWS_ENDPOINT_URL_S3_CONTROL": "http://127.0.0.1:5"}),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("shell_of_bob")
def test_a_role_s_command_goes_where_its_own_call_went(
    aws: FakeAws, home: Path, run: Callable[..., Result],
    words: list[str], environ: dict[str, str], expected: dict[str, str],
) -> None:  # fmt: skip
    """Under ``--`` and ``--serve``."""
    around = {name: filled(value, aws, home) for name, value in environ.items()}
    said = run(*words, "--", "env", environ=around).stdout
    assert in_command(said) == {name: filled(text, aws, home) for name, text in expected.items()}


WHO = "aws sts get-caller-identity --query Arn --output text"


@pytest.mark.slow
@pytest.mark.usefixtures("shell_of_bob")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_and_gets_back_what_it_had(
    aws: FakeAws, run: Callable[..., Result], program: str, tmp_path: Path, shell: str
) -> None:
    """A real AWS CLI finds the fake AWS; a second role leaves nothing of the first, and --clear nothing at all."""
    then = "; and" if shell == "fish" else " &&"
    told = "env | grep ^AWS_ENDPOINT | sort"
    script = "\n".join(
        [
            "export AWS_ENDPOINT_URL_S3_CONTROL=; env | grep ^AWS_ | sort > before",
            f'eval "$({program} example)"{then} {WHO}{then} {told}',
            f'eval "$({program} --renew --refresh)"{then} {WHO}',
            f'eval "$({program} other)"{then} {WHO}{then} {told}',
            f'eval "$({program} --clear)"{then} env | grep ^AWS_ | sort > after',
        ]
    )
    environ = on_path(program, {})
    said = run("-c", script, argv=(need(shell),), environ=environ, cwd=tmp_path).stdout
    arn = ROLE.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
    assert re.sub(rf"{arn}/\S+", "WHO", said).replace(aws.url, "URL").splitlines() == [
        "WHO",
        "AWS_ENDPOINT_URL_S3_CONTROL=http://127.0.0.1:2",
        "AWS_ENDPOINT_URL_STS=URL",
        "WHO",
        "WHO",
        "AWS_ENDPOINT_URL=URL",
        "AWS_ENDPOINT_URL_S3_CONTROL=",
    ]
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()


@pytest.mark.usefixtures("shell_of_bob")
def test_what_was_set_for_a_role_is_no_setting_of_the_next_source(
    run: Callable[..., Result], program: str
) -> None:
    """Else the endpoint of the first role would be the environment's, which is before every profile's."""
    held = assumed(run, program, "other", environ={})
    said = run("dead", environ=held, code=5)
    assert "127.0.0.1:9 can't be reached" in said.stderr
    served = run("other", "--serve", "--", program, "dead", code=5)
    assert "127.0.0.1:9 can't be reached" in served.stderr


@pytest.mark.usefixtures("shell_of_bob")
def test_an_endpoint_that_the_user_sets_beside_a_role_is_the_user_s(
    aws: FakeAws, run: Callable[..., Result], program: str
) -> None:
    """It holds for the next role, through a renewal, and after --clear; so does one that was unset for another role."""
    held = assumed(run, program, "other", environ={})
    mine = {**held, "AWS_ENDPOINT_URL": f"{aws.url}/"}
    assert "AWS_ENDPOINT_URL" not in EXAMPLE
    for words in (["example"], ["--renew", "--refresh"], ["--clear"]):
        found = assumed(run, program, *words, environ=mine)
        assert found["AWS_ENDPOINT_URL"] == f"{aws.url}/", words
    assert "AWS_ENDPOINT_URL_STS" not in assumed(run, program, "example", environ=mine)


@pytest.mark.usefixtures("shell_of_bob")
def test_keys_pasted_over_a_role_do_not_go_to_its_endpoint(
    bob: Keys, run: Callable[..., Result], program: str
) -> None:
    """The memory of keys is stale then; what we set for ours is taken back."""
    held = assumed(run, program, "other", environ={})
    held |= {"AWS_ACCESS_KEY_ID": bob.access_key_id, "AWS_SECRET_ACCESS_KEY": bob.secret_access_key}
    said = run("dead", "--profile", "default", environ=held, code=5)
    assert "127.0.0.1:9 can't be reached" in said.stderr
    assert of_endpoints(assumed(run, program, "--clear", environ=held)) == {}


@pytest.mark.usefixtures("shell_of_bob")
def test_a_chained_role_goes_on_where_the_first_went(
    aws: FakeAws, run: Callable[..., Result], program: str
) -> None:
    """Its source is what the environment holds, endpoints and all."""
    held = assumed(run, program, "example", environ={})
    found = run(ROLE, "--chain", "--session-name", "again", "--", "env", environ=held).stdout
    expected = {name: value.replace("{url}", aws.url) for name, value in EXAMPLE.items()}
    # Keys of the environment are called as [default] says.
    assert in_command(found) == {**expected, "AWS_ENDPOINT_URL": aws.url}


@pytest.mark.usefixtures("shell_of_bob")
def test_a_file_for_a_container_names_the_endpoints_too(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """No config file is there to say them."""
    said = run("other", "--format", "env-no-export").stdout
    assert in_command(said) == {"AWS_ENDPOINT_URL": aws.url}


@pytest.mark.usefixtures("shell_of_bob")
def test_services_that_are_nowhere_are_an_error_of_the_config(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """With the key, the profile and the file; for a role and for keys of a profile's own. What nobody looks for is none."""
    path = home / ".aws/config"
    path.write_text(path.read_text().replace("[services mine]", "[services mines]"))
    with path.open("a") as config:
        config.write("[profile near]\nservices = mine\n")
    with (home / ".aws/credentials").open("a") as credentials:
        credentials.write(
            "[near]\naws_access_key_id = AKIAEXAMPLE000000000\naws_secret_access_key = x\n"
        )
    for role in ("example", "near"):
        said = run(role, "--", "true", code=3)
        assert (
            f'services of profile "{role}" names "mine", and {path} has no section' in said.stderr
        )
        assert "did you mean: mines" in said.stderr
        run(role, "--", "true", environ={"AWS_ENDPOINT_URL": aws.url})


NAMES = st.sampled_from([*environment.SETTINGS, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_EC2"])
VALUES = st.text(st.characters(min_codepoint=1, max_codepoint=0x3000), min_size=1, max_size=8)
SETTINGS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(before=SETTINGS, roles=st.lists(SETTINGS, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_clear_is_exact_whatever_profiles_say(
    before: dict[str, str], roles: list[dict[str, str]]
) -> None:
    """Any settings around, any of any roles, one after another."""
    now = {**before, "HOME": "/h"}
    for number, said in enumerate(roles):
        wanted = {name: value for name, value in said.items() if name not in before}
        told = "&".join(f"{name}={environment.encode(value)}" for name, value in wanted.items())
        keys = Credentials(f"ASIAROLE{number}0000000000", "secret", "token", 2_000_000_000)
        now = environment.applied(now, environment.assumed(keys, "r", None, "r", now, told))
        assert of_endpoints(now) == {**wanted, **before}
        assert environment.before(now) == {**before, "HOME": "/h"}
    assert environment.applied(now, environment.cleared(now)) == {**before, "HOME": "/h"}


def test_the_memory_names_no_variable_that_is_none_of_ours() -> None:
    """What stands in AWSASSUME_SAVED may be anybody's."""
    held = {
        "AWS_ACCESS_KEY_ID": "ASIAROLE0",
        "PATH": "/bin",
        "AWSASSUME_SAVED": "ASIAROLE0:0:&+PATH=/bin&PATH=/evil&+AWS_CA_BUNDLE=%zz",
    }
    assert environment.before(held)["PATH"] == "/bin"
    held["AWSASSUME_SAVED"] = "ASIAROLE0:0:&+PATH=/bin&PATH=/evil"
    assert environment.before(held)["PATH"] == "/bin"
    assert environment.cleared(held).get("PATH", "/bin") == "/bin"


@contextmanager
def tunnel(port: int) -> Iterator[tuple[str, list[str]]]:
    """Be a proxy that leads everybody to one port of this machine, and notes who was wanted."""
    wanted: list[str] = []

    def pass_on(source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    def connect(client: socket.socket) -> None:
        line = client.recv(65536).split(b"\r\n")[0].decode()
        wanted.append(line.split()[1])
        server = socket.create_connection(("127.0.0.1", port))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for ends in ((client, server), (server, client)):
            threading.Thread(target=pass_on, args=ends, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connect(listener.accept()[0])

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", wanted
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
@pytest.mark.parametrize(
    "region, more, host",
    [
        ("us-gov-west-1", "use_fips_endpoint = true", "sts.us-gov-west-1.amazonaws.com"),
        ("us-west-2", "use_fips_endpoint = true", "sts-fips.us-west-2.amazonaws.com"),
        ("us-west-2", "use_dualstack_endpoint = true", "sts.us-west-2.api.aws"),
        ("us-west-2", "sts_regional_endpoints = legacy", "sts.amazonaws.com"),
    ],
)
def test_an_sdk_goes_to_the_very_host_that_our_own_call_went_to(
    home: Path, tmp_path: Path, run: Callable[..., Result], region: str, more: str, host: str
) -> None:
    """By way of a proxy that tells, to a fake AWS with a certificate of a CA that only the profile names."""
    key, public = tmp_path / "key", tmp_path / "public.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=fake -addext subjectAltName=DNS:{host}"
    line = [need("openssl"), *words.split(), "-keyout", str(key), "-out", str(public)]
    subprocess.run(line, check=True, capture_output=True)
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + public.read_text())
    partition = "aws-us-gov" if "gov" in region else "aws"
    arn = ROLE.replace("arn:aws:", f"arn:{partition}:")
    with (
        FakeAws(certificate=str(both)) as aws,
        tunnel(urlsplit(aws.url).port or 0) as (url, wanted),
    ):
        aws.add_account(aws.account, partition=partition)
        bob = aws.add_user("Bob")
        aws.add_role("example-role", trust="*")
        text = f"role_arn = {arn}\nsource_profile = bob\nregion = {region}\nca_bundle = {public}\n{more}\n"
        write(home, f"[profile bob]\n{lines_of(bob)}[profile example]\n{text}")
        environ = {"HTTPS_PROXY": url, "NO_PROXY": None, "no_proxy": None}
        call = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        said = run("example", "--", sys.executable, "-c", call, environ=environ)
    assert ":assumed-role/example-role/" in said.stdout
    assert wanted == [f"{host}:443"] * 2
