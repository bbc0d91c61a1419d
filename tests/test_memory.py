"""What is remembered of a shell: whose each variable is, and what comes back when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsassume import environment, served
from awsassume.credentials import Credentials

UNTIL = 1893456000
FIRST = Credentials("ASIAFIRST00000000001", "secret/1", "token/1==", UNTIL)
SECOND = Credentials("ASIASECOND0000000002", "secret/2", "token/2==", UNTIL + 60)
BOB = {"AWS_ACCESS_KEY_ID": "AKIABOB0000000000000", "AWS_SECRET_ACCESS_KEY": "bob's"}
EVE = {"AWS_ACCESS_KEY_ID": "AKIAEVE0000000000000", "AWS_SECRET_ACCESS_KEY": "eve's"}
RIVALS = {
    "AWS_PROFILE": "mine",
    "AWS_DEFAULT_PROFILE": "mine",
    "AWS_ACCOUNT_ID": "210987654321",
    "AWS_CREDENTIAL_SCOPE": "scope",
    "AWS_SECURITY_TOKEN": "older",
    "AWS_BEARER_TOKEN_BEDROCK": "bearer",
    "AWS_BEARER_TOKEN_OTHER": "bearer too",
}
TOLD = "AWS_ENDPOINT_URL=http://role&AWS_USE_FIPS_ENDPOINT=true"
Environ = dict[str, str]


def become(
    environ: Environ,
    credentials: Credentials = FIRST,
    region: str | None = None,
    told: str = "",
    *,
    renewing: bool = False,
    secrets: bool = True,
) -> Environ:
    """Return the environment after a role was taken in it."""
    changes = environment.assumed(
        credentials, "r", region, "means&r", environ, told, renewing=renewing, secrets=secrets
    )
    return environment.applied(environ, changes)


def clear(environ: Environ) -> Environ:
    """Return the environment after --clear."""
    return environment.applied(environ, environment.cleared(environ))


# What the user set since.

SINCE = {
    "a region": {"AWS_REGION": "us-east-1"},
    "both regions": {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"},
    "a profile": {"AWS_PROFILE": "since"},
    "an account": {"AWS_ACCOUNT_ID": "111111111111"},
    "a bearer token": {"AWS_BEARER_TOKEN_BEDROCK": "since"},
    "another bearer token": {"AWS_BEARER_TOKEN_NEW": "since"},
    "an endpoint": {"AWS_ENDPOINT_URL": "http://since"},
    "a service's endpoint": {"AWS_ENDPOINT_URL_S3": "http://since"},
    "a flag": {"AWS_USE_FIPS_ENDPOINT": "false"},
    "an empty value": {"AWS_REGION": "", "AWS_PROFILE": ""},
}


@pytest.mark.parametrize("since", SINCE.values(), ids=SINCE)
@pytest.mark.parametrize(
    "before", [{}, RIVALS | BOB | {"AWS_REGION": "eu-west-1"}], ids=["nothing", "all"]
)
@pytest.mark.parametrize("region", [None, "eu-north-1"])
def test_a_renewal_leaves_what_was_set_since(
    since: Environ, before: Environ, region: str | None
) -> None:
    """Renewed twice, by another region and other settings, it is as the user left it; --clear leaves it too."""
    now = become(dict(before), FIRST, region, TOLD) | since
    source = environment.before(now, renewing=True)
    for credentials in (SECOND, FIRST):
        now = become(
            now, credentials, "us-west-2", TOLD + "&AWS_ENDPOINT_URL_S3=http://role", renewing=True
        )
        assert {name: now[name] for name in since} == since
        assert {**source, **since} == {**environment.before(now, renewing=True), **since}
    assert environment.before(now) == {**before, **since}
    assert clear(now) == {**before, **since}


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"])
def test_a_renewal_leaves_unset_what_was_unset_since(name: str) -> None:
    """To take a variable away is to set it, too."""
    now = become({name: "before"}, FIRST, "eu-north-1", TOLD)
    del now[name]
    now = become(now, SECOND, "eu-north-1", TOLD, renewing=True)
    assert name not in now
    assert name not in clear(now)


def test_the_source_of_a_renewal_is_that_of_the_first_assume() -> None:
    """A profile set since is no source, however often the role was renewed beside it."""
    now = become({"AWS_PROFILE": "mine"}) | {"AWS_PROFILE": "since"}
    for credentials in (SECOND, FIRST, SECOND):
        now = become(now, credentials, renewing=True)
        assert environment.before(now, renewing=True)["AWS_PROFILE"] == "mine"
    assert environment.before(now)["AWS_PROFILE"] == "since"


# Keys exported over a role's, and keys unset.


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "AWS_SECURITY_TOKEN"])
def test_what_was_put_away_comes_back_once_keys_pasted_over_a_role_are_cleared(name: str) -> None:
    """The memory of keys is stale, that of profiles and rivals is not."""
    before = {name: RIVALS[name]}
    now = become(dict(before)) | EVE
    assert name not in environment.before(now)
    assert clear(now) == before


@pytest.mark.parametrize("gone", [("AWS_ACCESS_KEY_ID",), environment.KEYS])
@pytest.mark.parametrize("empty", [False, True])
def test_all_that_was_put_away_comes_back_once_the_keys_are_unset(
    gone: tuple[str, ...], empty: bool
) -> None:
    """As the article unsets them; a variable that is set to nothing is as good as unset."""
    now = become(BOB | RIVALS)
    for name in gone:
        if empty:
            now[name] = ""
        else:
            del now[name]
    assert RIVALS.items() <= environment.before(now).items()
    assert RIVALS.items() <= clear(now).items()
    assert "AWS_ACCESS_KEY_ID" not in clear(now)


def test_a_role_over_pasted_keys_gives_back_the_keys_and_after_them_the_profile() -> None:
    """Each --clear gives what was there: keys alone, as the shell had them, and then what was beneath."""
    pasted = become({"AWS_PROFILE": "mine"}) | EVE
    now = become(pasted, SECOND, "eu-west-1")
    assert environment.before(now) == EVE
    once = clear(now)
    assert {name: once[name] for name in once if name != environment.SAVED} == EVE
    assert not environment.is_ours(once)
    assert clear(once) == {"AWS_PROFILE": "mine"}
    assert clear(become(once)) == once


def test_a_role_over_keys_over_a_role_over_keys_keeps_the_newest_profile() -> None:
    """What is beneath does not pile up."""
    now = become({"AWS_PROFILE": "one", "AWS_ACCOUNT_ID": "1"}) | EVE | {"AWS_PROFILE": "two"}
    now = become(now, SECOND)
    assert clear(dict(now))["AWS_PROFILE"] == "two"
    now = clear(become(now | BOB))
    assert {name: now[name] for name in BOB} == BOB
    assert clear(now) == {"AWS_PROFILE": "two", "AWS_ACCOUNT_ID": "1"}


# Secrets that are not passed on.


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    ],
)
def test_what_a_command_gets_holds_no_secret_of_before(name: str) -> None:
    """Not by this call, and not by one made in it."""
    before = BOB | {name: "hunter2"}
    now = become(dict(before), secrets=False)
    assert "hunter2" not in repr(now)
    assert environment.is_withheld(now)
    now = become(now, SECOND)
    assert environment.is_withheld(now)
    assert environment.before(now)["AWS_ACCESS_KEY_ID"] == BOB["AWS_ACCESS_KEY_ID"]
    assert "hunter2" not in repr(environment.before(now))


def test_where_no_secret_was_nothing_is_withheld() -> None:
    """A profile comes back inside a command as it does outside."""
    now = become({"AWS_PROFILE": "mine"}, secrets=False)
    assert not environment.is_withheld(now)
    assert clear(now) == {"AWS_PROFILE": "mine"}
    assert not environment.is_withheld(become(dict(BOB), secrets=False) | EVE)


# --serve, and --serve inside it.


def serve(environ: Environ, port: int, *, region: str | None = None) -> Environ:
    """Return the environment of what --serve starts."""
    return served.inside(environ, f"http://127.0.0.1:{port}/", f"token {port}", region, None, TOLD)


def source(environ: Environ) -> Environ:
    """Return the environment that a role is assumed with."""
    return served.around(environment.before(environ))


@pytest.mark.parametrize(
    "layers",
    ["S", "SS", "SSS", "RS", "SR", "SRS", "SRSR", "RSRSRS", "RRSS"],
)
@pytest.mark.parametrize("region", [None, "eu-north-1"])
def test_every_layer_is_peeled(layers: str, region: str | None) -> None:
    """Whatever is around a call, the source is who the user was before all of it."""
    before = {
        "AWS_PROFILE": "mine",
        "AWS_REGION": "eu-west-1",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
    }
    now = dict(before)
    for number, layer in enumerate(layers):
        now = (
            serve(now, number, region=region)
            if layer == "S"
            else become(now, region=region, told=TOLD)
        )
        assert source(now) == before


def test_what_is_served_holds_no_secret_of_before() -> None:
    """Keys, bearer tokens and a container's token are no business of the command's."""
    secrets = {
        name: "hunter2"
        for name in (*environment.KEYS[1:], *RIVALS, environment.CONTAINER_TOKEN)
        if environment.is_secret(name)
    }
    now = serve({"AWS_ACCESS_KEY_ID": "AKIA", **secrets}, 1)
    assert "hunter2" not in repr(now)
    assert source(now) == {"AWS_ACCESS_KEY_ID": "AKIA"}


# Names and lengths.


@pytest.mark.parametrize(
    "name",
    [
        "AWS_BEARER_TOKEN_x;y",
        "AWS_BEARER_TOKEN_ö",
        "AWS_ENDPOINT_URL_$(x)",
        "AWS_BEARER_TOKEN_a b",
        "PATH",
    ],
)
def test_no_name_is_written_for_a_shell_that_is_none(name: str) -> None:
    """A name stands in the code as it is, so it must be one."""
    saved = f"{FIRST.access_key_id}:0&{name}=evil&+{name}=evil&-{name}=evil"
    now = become({name: "x"}) | {environment.SAVED: saved}
    assert name not in environment.cleared(now)
    assert name not in environment.assumed(SECOND, "r", None, "r", now)
    del now["AWS_ACCESS_KEY_ID"]
    assert name not in environment.cleared(now)


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"])
def test_what_no_program_could_be_started_with_is_named(name: str) -> None:
    """128 KiB, of which a value outside ASCII takes three times its length."""
    fits = {name: "x" * (environment.MOST_BYTES - 1000)}
    assert environment.too_long({**become(fits)}) is None
    long = {name: "x" * environment.MOST_BYTES}
    assert environment.too_long({**become(long)}) in {name, environment.SAVED}
    assert environment.too_long({**become({name: "é" * 50_000})}) == environment.SAVED
    assert environment.too_long({"AWS_PROFILE": "x" * (environment.MOST_BYTES - 13)}) is None
    assert (
        environment.too_long({"AWS_PROFILE": "x" * (environment.MOST_BYTES - 12)}) == "AWS_PROFILE"
    )


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_memory_is_read_or_none(text: str) -> None:
    """Whatever stands there, nothing raises, and the role's keys go."""
    now = become({}) | {environment.SAVED: text.replace("\0", "")}
    assert "AWS_ACCESS_KEY_ID" not in clear(now)
    environment.assumed(SECOND, "r", None, "r", now)
