"""What the user sets after a role was taken is the user's, and what was put away comes back: in real shells."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of
from tests.conftest import need
from tests.fake_aws.aws import FakeAws
from tests.shimming import SHELLS, Place, dump

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
every_shell = pytest.mark.parametrize("shell", SHELLS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module: Bob is [default], Eve a profile, and a role trusts both."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path_factory.mktemp("bob"))
        eve = aws.add_user("Eve", allow=["sts:AssumeRole"])
        aws.add_role("open-role")
        with (place.home / ".aws/config").open("a") as config:
            config.write(
                f"[profile eve]\n{lines_of(eve)}[profile there]\nregion = eu-north-1\n"
                f"role_arn = arn:aws:iam::{aws.account}:role/open-role\nsource_profile = default\n"
            )
        place.environ |= {"EVE_ID": eve.access_key_id, "EVE_SECRET": eve.secret_access_key}
        yield place


def put(shell: str, **values: str) -> list[str]:
    """Return the lines that export variables."""
    form = "set -gx {} '{}'" if shell == "fish" else "export {}='{}'"
    return [form.format(name, value) for name, value in values.items()]


def drop(shell: str, *names: str) -> list[str]:
    """Return the line that unsets variables."""
    return [f"{'set -e' if shell == 'fish' else 'unset'} {' '.join(names)}"]


def stale(shell: str, left: int) -> str:
    """Return the line after which the session has so many seconds left."""
    now = f"(math (date +%s) + {left})" if shell == "fish" else f'"$(($(date +%s) + {left}))"'
    return (
        f"set -gx AWSASSUME_EXPIRATION {now}"
        if shell == "fish"
        else f"export AWSASSUME_EXPIRATION={now}"
    )


SINCE = {
    "AWS_REGION": "us-west-2",
    "AWS_PROFILE": "eve",
    "AWS_BEARER_TOKEN_BEDROCK": "since",
    "AWS_ENDPOINT_URL_S3": "http://since",
}


@every_shell
@pytest.mark.parametrize("way", ["awsassume --renew --refresh", "__awsassume_hook"])
def test_a_renewal_undoes_nothing(shell: str, way: str, place: Place) -> None:
    """New keys of the same role from the same source; the region and the profile are as the user left them, --clear too."""
    seen = len(place.aws.calls("AssumeRole"))
    # Both ways need a new session: the one that is kept would be fresh.
    shutil.rmtree(place.home / "cache", ignore_errors=True)
    forget = "command rm -rf cache"
    script = [
        *put(shell, AWS_REGION="eu-west-3", AWS_BEARER_TOKEN_BEDROCK="before"),
        "awsassume there",
        dump("first"),
        *put(shell, **SINCE),
        *[forget, stale(shell, 60), way, dump("second")],
        *[forget, stale(shell, 120), way, dump("third")],
        *["awsassume --clear", dump("after")],
    ]
    done = place.run(shell, "\n".join(script))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, *later = [place.dumped(name) for name in ("first", "second", "third")]
    assert first["AWS_REGION"] == "eu-north-1"
    assert "AWS_BEARER_TOKEN_BEDROCK" not in first
    for now in later:
        assert {name: now[name] for name in SINCE} == SINCE
        assert now["AWS_DEFAULT_REGION"] == "eu-north-1"
    assert len({now["AWS_ACCESS_KEY_ID"] for now in (first, *later)}) == 3
    after = place.dumped("after")
    assert {name: after[name] for name in SINCE} == SINCE
    assert not {"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWSASSUME_SAVED"} & after.keys()
    assert len({call.access_key_id for call in place.aws.calls("AssumeRole")[seen:]}) == 1


AWAY = {
    "AWS_PROFILE": "eve",
    "AWS_ACCOUNT_ID": "123456789012",
    "AWS_CREDENTIAL_SCOPE": "scope",
    "AWS_BEARER_TOKEN_BEDROCK": "bearer",
}


@every_shell
def test_keys_pasted_over_a_role_leave_the_profile_in_memory(shell: str, place: Place) -> None:
    """--clear takes the keys away and brings the profile back; a role between gives back the keys alone first."""
    keys = {"AWS_ACCESS_KEY_ID": "$EVE_ID", "AWS_SECRET_ACCESS_KEY": "$EVE_SECRET"}
    pasted = [line.replace("'", '"') for line in put(shell, **keys)]
    script = [
        *put(shell, **AWAY),
        dump("before"),
        *[
            "awsassume there",
            *pasted,
            *drop(shell, "AWS_SESSION_TOKEN"),
            "awsassume --clear",
            dump("cleared"),
        ],
        *[
            "awsassume there",
            *pasted,
            *drop(shell, "AWS_SESSION_TOKEN"),
            "awsassume --profile default open-role",
        ],
        *["awsassume --clear", dump("pasted"), "awsassume --clear", dump("after")],
    ]
    done = place.run(shell, "\n".join(script))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    before = place.dumped("before")
    assert place.dumped("cleared") == place.dumped("after") == before
    now = place.dumped("pasted")
    assert now.pop("AWS_ACCESS_KEY_ID") == before["EVE_ID"]
    assert not AWAY.keys() & now.keys()


@every_shell
def test_what_the_article_unsets_brings_back_all_that_was_put_away(
    shell: str, place: Place
) -> None:
    """The next role is taken as the profile of before, and --clear gives back every variable beside it."""
    script = [
        *put(shell, **AWAY, AWS_SECURITY_TOKEN="old"),
        dump("before"),
        *[
            "awsassume there",
            *drop(shell, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        ],
        *["awsassume open-role", "awsassume --clear", dump("later")],
        *[
            "awsassume there",
            *drop(shell, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        ],
        *["awsassume --clear", dump("cleared")],
    ]
    seen = len(place.aws.calls("AssumeRole"))
    shutil.rmtree(place.home / "cache", ignore_errors=True)
    done = place.run(shell, "\n".join(script))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert place.dumped("later") == place.dumped("cleared") == place.dumped("before")
    users = [call.access_key_id for call in place.aws.calls("AssumeRole")[seen:]]
    assert users[-1] == place.environ["EVE_ID"]


@every_shell
@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-8", "C"])
def test_the_memory_holds_bytes(shell: str, encoding: str, place: Place, tmp_path: Path) -> None:
    """Whatever the locale makes of them, --clear gives back the same bytes."""
    name = {"UTF-8": "C.UTF-8", "C": "C"}.get(encoding, f"en_US.{encoding}")
    if encoding == "ISO-8859-1":
        line = (need("localedef"), "-i", "en_US", "-f", encoding, tmp_path / name)
        if subprocess.run(line, check=False, capture_output=True).returncode:
            pytest.skip("this machine has no source of the locale en_US")
    values = {
        "AWS_ACCOUNT_ID": "süd",
        "AWS_CREDENTIAL_SCOPE": "日本",
        "AWS_BEARER_TOKEN_X": "\udcff\udcfe é",
    }
    script = [dump("before"), "awsassume there", dump("role"), "awsassume --clear", dump("after")]
    done = place.run(
        shell, "\n".join(script), environ={**values, "LC_ALL": name, "LOCPATH": str(tmp_path)}
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert place.dumped("after") == place.dumped("before")
    if shell != "fish":
        # fish reads its environment by the locale, too.
        assert place.dumped("after").items() >= values.items()
    assert not values.keys() & place.dumped("role").keys()
