"""The one map: what becoming a role sets and unsets, what is remembered, and what comes back."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsassume import environment
from awsassume.credentials import Credentials
from tests.aws_files import lines_of, on_path
from tests.conftest import need
from tests.demo.transcript import SHELLS as COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws, Keys

UNTIL = 1893456000
FIRST = Credentials("ASIAFIRST00000000001", "secret/1", "token/1==", UNTIL, "123456789012")
SECOND = Credentials("ASIASECOND0000000002", "secret/2", "token/2==", UNTIL + 60, "123456789012")
LONG_TERM = Credentials("AKIAUSER000000000003", "secret/3")
OTHER = {
    "PATH": "/bin",
    "HOME": "/home/u",
    "AWS_CA_BUNDLE": "/ca.pem",
    "AWS_ENDPOINT_URL": "http://x",
}
EVERYTHING = {
    "AWS_ACCESS_KEY_ID": "AKIAOLD0000000000000",
    "AWS_SECRET_ACCESS_KEY": "old",
    "AWS_SESSION_TOKEN": "old token",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_PROFILE": "mine",
    "AWS_DEFAULT_PROFILE": "also",
    "AWS_SECURITY_TOKEN": "older",
    "AWS_ACCOUNT_ID": "210987654321",
    "AWS_CREDENTIAL_SCOPE": "scope",
}
ODD = {name: f" '\"\\$(x);&=%:é\n\udcff{name}" for name in EVERYTHING}


def become(
    credentials: Credentials,
    environ: Mapping[str, str],
    *,
    region: str | None = None,
    role: str = "r",
) -> dict[str, str]:
    """Return the environment after a role was taken in it."""
    changes = environment.assumed(credentials, role, region, f"{role} words", dict(environ))
    return environment.applied(dict(environ), changes)


def clear(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment after --clear."""
    return environment.applied(dict(environ), environment.cleared(dict(environ)))


def test_a_role_in_an_empty_environment_sets_what_sdks_read_and_what_we_need() -> None:
    """The order is fixed, nothing is unset, and what there was to remember is nothing."""
    changes = environment.assumed(FIRST, "prod", "eu-north-1", "--region eu-north-1 prod", {})
    assert list(changes) == [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWSASSUME_ROLE",
        "AWSASSUME_EXPIRATION",
        "AWSASSUME_RENEW",
        "AWSASSUME_SAVED",
    ]
    assert changes["AWS_CREDENTIAL_EXPIRATION"] == "2030-01-01T00:00:00Z"
    assert changes["AWSASSUME_EXPIRATION"] == "1893456000"
    assert changes["AWS_REGION"] == changes["AWS_DEFAULT_REGION"] == "eu-north-1"
    assert (changes["AWSASSUME_SAVED"] or "").startswith("ASIAFIRST00000000001:")


def test_without_a_region_named_none_is_touched() -> None:
    """The user's own region stays, and where there was none, none comes."""
    assert "AWS_REGION" not in environment.assumed(FIRST, "r", None, "r", {})
    here = {"AWS_REGION": "eu-west-1"}
    assert "AWS_REGION" not in environment.assumed(FIRST, "r", None, "r", here)
    assert become(FIRST, here)["AWS_REGION"] == "eu-west-1"


def test_what_would_speak_louder_is_unset_and_all_else_left_alone() -> None:
    """Profiles, the legacy token and another account go; endpoints and CA bundles stay."""
    after = become(FIRST, {**OTHER, **EVERYTHING})
    for name in environment.RIVALS:
        assert name not in after
    assert {name: after[name] for name in OTHER} == OTHER


def test_long_term_keys_leave_no_session_token_and_no_expiration_behind() -> None:
    """A static profile over a role's session keeps nothing of the session."""
    after = become(LONG_TERM, become(FIRST, OTHER))
    assert after["AWS_ACCESS_KEY_ID"] == LONG_TERM.access_key_id
    for name in ("AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWSASSUME_EXPIRATION"):
        assert name not in after
    assert clear(after) == OTHER


@pytest.mark.parametrize(
    "before",
    [
        pytest.param({}, id="nothing"),
        pytest.param(EVERYTHING, id="everything"),
        pytest.param(dict.fromkeys(EVERYTHING, ""), id="empty values"),
        pytest.param(ODD, id="odd characters"),
        *[
            pytest.param({name: value}, id=name)
            for name, value in EVERYTHING.items()
            if name not in environment.KEYS
        ],
    ],
)
@pytest.mark.parametrize(
    "regions", [(None, None), ("us-east-1", None), (None, "us-east-2"), ("a", "b")]
)
def test_clear_gives_back_what_was_there_before_the_first_of_many(
    before: dict[str, str], regions: tuple[str | None, str | None]
) -> None:
    """A role, its renewal, another role, and static keys: one --clear undoes them all."""
    before = OTHER | before
    now = become(FIRST, before, region=regions[0])
    assert environment.before(now) == before
    now = become(FIRST, now, region=regions[0])
    now = become(SECOND, now, region=regions[1], role="other")
    assert environment.before(now) == before
    now = become(LONG_TERM, now, region=regions[0])
    assert clear(now) == before


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(
    st.dictionaries(st.sampled_from(sorted(EVERYTHING)), texts),
    st.lists(
        st.tuples(st.sampled_from([FIRST, SECOND, LONG_TERM]), st.sampled_from([None, "r1", "r2"]))
    ),
)
def test_whatever_was_there_comes_back(
    before: dict[str, str], taken: list[tuple[Credentials, str | None]]
) -> None:
    """Any environment, any roles with any regions, in any order: --clear is exact."""
    now = dict(before)
    for credentials, region in taken:
        now = become(credentials, now, region=region)
    if taken:
        assert clear(now) == before
        assert environment.before(now) == before


def test_clear_without_a_role_unsets_the_three_keys_whoever_set_them() -> None:
    """The keys of a session that another tool left go, with its expiration; the rest stays."""
    changes = environment.cleared({**OTHER, **EVERYTHING})
    for name in (*environment.KEYS, "AWS_CREDENTIAL_EXPIRATION", "AWS_SECURITY_TOKEN"):
        assert changes[name] is None
    assert clear({**OTHER, **EVERYTHING})["AWS_PROFILE"] == "mine"
    assert environment.cleared({}) == dict.fromkeys(environment.KEYS)


def test_another_key_makes_the_memory_stale() -> None:
    """Keys exported after ours hold; of ours nothing is left, and the first memory is gone."""
    now = become(FIRST, {**OTHER, **EVERYTHING}, region="us-east-1")
    now |= {"AWS_ACCESS_KEY_ID": "AKIANEW0000000000000", "AWS_SECRET_ACCESS_KEY": "new"}
    past = environment.before(now)
    assert past["AWS_ACCESS_KEY_ID"] == "AKIANEW0000000000000"
    assert past["AWS_SECRET_ACCESS_KEY"] == "new"
    for name in ("AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", *environment.OURS):
        assert name not in past
    assert past["AWS_REGION"] == "eu-west-1"
    cleared = clear(become(SECOND, now, region="us-east-2"))
    assert cleared.pop("AWSASSUME_SAVED")
    assert cleared == past


def test_another_session_token_beside_another_key_is_kept() -> None:
    """Only our own token goes: the user's new session is whole."""
    now = become(FIRST, OTHER)
    now |= {"AWS_ACCESS_KEY_ID": "ASIANEW0000000000000", "AWS_SESSION_TOKEN": "theirs"}
    now["AWS_CREDENTIAL_EXPIRATION"] = "2031-01-01T00:00:00Z"
    past = environment.before(now)
    assert past["AWS_SESSION_TOKEN"] == "theirs"
    assert past["AWS_CREDENTIAL_EXPIRATION"] == "2031-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"]
)
@pytest.mark.parametrize("before", [{}, EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("region", [None, "us-east-1"])
def test_a_profile_or_a_region_that_is_set_beside_our_keys_is_the_user_s_newest_word(
    name: str, before: dict[str, str], region: str | None
) -> None:
    """It is what the next role starts from, and what --clear leaves."""
    now = become(FIRST, OTHER | before, region=region) | {name: "since"}
    expected = OTHER | before | {name: "since"}
    assert environment.before(now) == expected
    assert clear(now) == expected
    assert clear(become(SECOND, now, region="us-east-2")) == expected


def test_a_region_unset_beside_our_keys_stays_unset() -> None:
    """What the user took away does not come back."""
    now = become(FIRST, OTHER | {"AWS_REGION": "eu-west-1"})
    del now["AWS_REGION"]
    assert clear(now) == OTHER


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "&",
        ":",
        "ASIAFIRST00000000001",
        "ASIAFIRST00000000001:0:%",
        "ASIAFIRST00000000001:0:&AWS_REGION=%zz",
        "ASIAFIRST00000000001:0:é",
        "ASIAFIRST00000000001&PATH=evil&AWS_REGION=x",
        "\udcff:\udcff:\udcff",
    ],
)
def test_a_damaged_memory_is_none_and_only_names_that_we_touch_are_read_from_it(
    damaged: str,
) -> None:
    """Whatever stands in AWSASSUME_SAVED, nothing else is set from it, and nothing raises."""
    now = become(FIRST, OTHER) | {"AWSASSUME_SAVED": damaged}
    after = clear(now)
    assert after["PATH"] == "/bin"
    assert "AWS_ACCESS_KEY_ID" not in after


@given(st.binary().map(lambda data: os.fsdecode(data.replace(b"\0", b""))))
def test_encode_is_one_plain_word_and_decode_gives_it_back(text: str) -> None:
    """Any bytes of any environment."""
    word = environment.encode(text)
    assert not set(word) - set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+.-_:@,=%"
    )
    assert environment.decode(word) == text


# In real shells.


def set_line(shell: str, name: str, value: str) -> str:
    """Return what a user of the shell types to export a variable."""
    if shell == "fish":
        value = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{value}'"
    return f"export {name}={shlex.quote(value)}"


BEFORE: dict[str, dict[str, str]] = {
    "nothing": {},
    "a profile": {"AWS_PROFILE": "bob", "AWS_DEFAULT_PROFILE": "bob"},
    "regions": {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"},
    "own keys": {"AWS_ACCESS_KEY_ID": "{key}", "AWS_SECRET_ACCESS_KEY": "{secret}"},
    "empty values": {"AWS_SESSION_TOKEN": "", "AWS_REGION": "", "AWS_ACCOUNT_ID": "", "AWS_CREDENTIAL_SCOPE": ""},
    "odd values": {"AWS_ACCOUNT_ID": "a 'b' \"c\" \\ $(touch pwned) `x` é !*~;&|=%", "AWS_CREDENTIAL_SCOPE": "\ttab\nline\n"},
    "the legacy token": {"AWS_SECURITY_TOKEN": "old"},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("before", BEFORE)
def test_clear_is_byte_for_byte(
    aws: FakeAws, bob: Keys, home: Path, program: str, tmp_path: Path, shell: str, before: str
) -> None:
    """`env | sort` is the same before a role and after --clear, by way of a renewal and of another role."""
    need(shell)
    other = aws.add_role("other")
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile bob]\n{lines_of(bob)}")
        config.write(
            f"[profile other]\nrole_arn = {other.arn}\nsource_profile = default\nregion = eu-north-1\n"
        )
    values = {
        name: value.replace("{key}", bob.access_key_id).replace("{secret}", bob.secret_access_key)
        for name, value in BEFORE[before].items()
    }
    script = "\n".join(
        [
            *[set_line(shell, name, value) for name, value in values.items()],
            "env | sort > before",
            'eval "$(awsassume example)" || exit 10',
            "env | sort > first",
            'eval "$(awsassume --renew --refresh)" || exit 11',
            "env | sort > renewed",
            'eval "$(awsassume other --session-name other)" || exit 12',
            "env | sort > second",
            'eval "$(awsassume nope)" && exit 13',
            "env | sort > failed",
            'eval "$(awsassume --clear)" || exit 14',
            "env | sort > after",
            'eval "$(awsassume --clear)" || exit 15',
        ]
    )
    done = subprocess.run(
        [*COMMANDS[shell], "-c", script],
        check=False,
        capture_output=True,
        env=on_path(program, os.environ),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    seen = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert seen["after"] == seen["before"]
    assert seen["failed"] == seen["second"]
    own = BEFORE[before].get("AWS_REGION") or "us-east-1"
    assert f"AWS_REGION={own}\n".encode() in seen["first"]
    assert b"AWS_REGION=eu-north-1\n" in seen["second"]
    assert seen["renewed"] != seen["first"]
    for name in ("AWS_PROFILE", "AWS_SECURITY_TOKEN", "AWS_ACCOUNT_ID"):
        assert f"\n{name}=".encode() not in seen["first"]
    assert "pwned" not in seen
    assert [call.access_key_id for call in aws.calls("AssumeRole")] == [bob.access_key_id] * 3


def test_renewal_takes_the_source_that_was_taken(
    aws: FakeAws, bob: Keys, home: Path, program: str
) -> None:
    """A profile set since is the user's for the next role, but no source for the renewal of this one."""
    eve = aws.add_user("Eve", allow=["sts:AssumeRole"])
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile eve]\n{lines_of(eve)}")
    role = next(iter(aws.roles))
    script = f"""
        eval "$(awsassume {role})" || exit 10
        export AWS_PROFILE=eve
        eval "$(awsassume --renew --refresh)" || exit 11
        export AWS_PROFILE=eve
        eval "$(awsassume {role})" || exit 12
    """
    environ = on_path(program, os.environ)
    subprocess.run(["bash", "-c", script], check=True, env=environ)
    users = [call.access_key_id for call in aws.calls("AssumeRole")]
    assert users == [bob.access_key_id, bob.access_key_id, eve.access_key_id]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("way", ['eval "$(awsassume example)"', "awsassume example | source"])
def test_fish_goes_on_after_a_command_that_failed(
    run: Callable[..., Result], program: str, way: str
) -> None:
    """A success is one whatever $status was before, for `set` does not say."""
    code = f"false\n{way}; and echo AS $AWSASSUME_ROLE"
    fish = (need("fish"), "--no-config")
    assert run("-c", code, argv=fish, environ=on_path(program, os.environ)).stdout == "AS example\n"
