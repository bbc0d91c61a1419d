"""--list: profiles and live sessions, the last used first."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws

CONFIG = """\
[default]
region = eu-west-1

[profile alpha]
role_arn = arn:aws:iam::123456789012:role/team/alpha
source_profile = base

[profile beta]
role_arn = arn:aws:iam::210987654321:role/beta
source_profile = alpha
mfa_serial = arn:aws:iam::123456789012:mfa/phone
region = ap-northeast-1

[profile instance]
role_arn = arn:aws:iam::123456789012:role/instance
credential_source = Ec2InstanceMetadata

[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 345678901234
sso_role_name = Admin

[profile process]
credential_process = /bin/false

[profile itself]
credential_process = /usr/bin/awsassume alpha --credential-process

[profile lost]
role_arn = arn:aws:iam::123456789012:role/lost
source_profile = nowhere

[profile ring]
role_arn = arn:aws:iam::123456789012:role/ring
source_profile = gnir

[profile gnir]
role_arn = arn:aws:iam::123456789012:role/gnir
source_profile = ring

[profile only-a-region]
region = us-west-2
"""
BASE = (
    "[base]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\nregion = eu-west-2\n"
)


@pytest.fixture
def listed(run: Callable[..., Result]) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that gives what --list --json says."""

    def ask(**environ: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(run("--list", "--json", environ=environ).stdout)
        return found

    return ask


def named(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Give the one row of a name."""
    (row,) = [row for row in rows if row["Name"] == name]
    return row


def test_every_profile_with_credentials_or_a_role_is_listed(
    home: Path, listed: Callable[..., list[dict[str, Any]]]
) -> None:
    """Those that only set a region are no place to go."""
    write(home, CONFIG, BASE)
    assert [row["Name"] for row in listed()] == sorted(
        ["alpha", "base", "beta", "gnir", "instance", "itself", "lost", "process", "ring", "sso"]
    )


def test_a_role_is_told_with_account_chain_mfa_and_region(
    home: Path, listed: Callable[..., list[dict[str, Any]]]
) -> None:
    """What the profile does not say itself comes from those on the way."""
    write(home, CONFIG, BASE)
    rows = listed()
    assert named(rows, "beta") == {
        "Name": "beta",
        "Kind": "profile",
        "Account": "210987654321",
        "RoleArn": "arn:aws:iam::210987654321:role/beta",
        "Role": "beta",
        "Source": "base",
        "Chain": ["alpha", "base"],
        "MfaSerial": "arn:aws:iam::123456789012:mfa/phone",
        "Region": "ap-northeast-1",
        "LastUsed": None,
        "Expiration": None,
        "SecondsLeft": None,
        "Problem": None,
    }
    assert named(rows, "alpha")["Region"] == "eu-west-2"
    assert named(rows, "alpha")["Role"] == "team/alpha"


def test_each_kind_of_source_has_its_word(
    home: Path, listed: Callable[..., list[dict[str, Any]]]
) -> None:
    """Keys, single sign-on, a process, ourselves, and a machine's own."""
    write(home, CONFIG, BASE)
    rows = listed()
    assert {row["Name"]: row["Source"] for row in rows if not row["Chain"]} == {
        "base": "keys",
        "sso": "SSO",
        "process": "process",
        "itself": "awsassume",
        "instance": "instance metadata",
        "lost": None,
        "ring": None,
        "gnir": None,
    }
    assert named(rows, "sso")["Account"] == "345678901234"
    assert named(rows, "sso")["Role"] == "Admin"


def test_a_profile_that_cannot_work_says_why_and_hides_no_other(
    home: Path, listed: Callable[..., list[dict[str, Any]]]
) -> None:
    """A link that is missing and a loop are told beside the profile."""
    write(home, CONFIG, BASE)
    rows = listed()
    assert "lost → nowhere (no such profile)" in named(rows, "lost")["Problem"]
    assert "ring → gnir → ring" in named(rows, "ring")["Problem"]
    assert named(rows, "alpha")["Problem"] is None


def test_the_last_used_comes_first_with_the_time_that_it_has_left(
    aws: FakeAws,
    home: Path,
    run: Callable[..., Result],
    listed: Callable[..., list[dict[str, Any]]],
) -> None:
    """A role that no profile names is listed while its session lives, under the name that prompts show."""
    bob = aws.add_user("Bob")
    for name in ("alpha", "omega", "plain"):
        aws.add_role(name, trust=bob)
    config = "".join(
        f"[profile {name}]\nrole_arn = arn:aws:iam::123456789012:role/{name}\nsource_profile = base\n"
        for name in ("alpha", "omega")
    )
    write(home, config, f"[base]\n{lines_of(bob)}")
    for role in ("omega", "123456789012:plain"):
        run(role, "--profile", "base", "--duration", "30m", environ=aws.environ())
    rows = listed(**aws.environ())
    assert {row["Name"] for row in rows[:2]} == {"omega", "123456789012:plain"}
    assert [row["Name"] for row in rows[2:]] == ["alpha", "base"]
    for row in rows[:2]:
        assert 0 < row["SecondsLeft"] <= 1800
        assert row["LastUsed"] < row["Expiration"]
    assert named(rows, "omega")["Kind"] == "profile"
    assert named(rows, "123456789012:plain")["Kind"] == "role"
    assert named(rows, "123456789012:plain")["RoleArn"].endswith(":role/plain")
    table = run("--list", environ=aws.environ()).stdout
    assert re.search(r"^omega .* [#-]{8} (29|30)m$", table, re.MULTILINE)


def test_a_role_stays_recent_when_its_session_is_over(
    aws: FakeAws,
    home: Path,
    run: Callable[..., Result],
    listed: Callable[..., list[dict[str, Any]]],
) -> None:
    """Recency outlives the session; the session's time does not."""
    bob = aws.add_user("Bob")
    role = aws.add_role("zulu", trust=bob)
    config = f"[profile zulu]\nrole_arn = {role.arn}\nsource_profile = base\n"
    write(home, config, f"[base]\n{lines_of(bob)}")
    run("zulu", environ=aws.environ())
    sessions = os.path.join(os.environ["AWSASSUME_CACHE_DIR"], "awsassume/sessions")
    for name in os.listdir(sessions):
        os.unlink(os.path.join(sessions, name))
    first, *others = listed(**aws.environ())
    assert first["Name"] == "zulu"
    assert first["LastUsed"]
    assert first["Expiration"] is None
    assert [row["Name"] for row in others] == ["base"]


def test_a_session_of_a_role_that_the_profile_named_before_is_not_the_profile_s(
    aws: FakeAws,
    home: Path,
    run: Callable[..., Result],
    listed: Callable[..., list[dict[str, Any]]],
) -> None:
    """After role_arn was edited the old session is listed as what it is."""
    bob = aws.add_user("Bob")
    old = aws.add_role("old", trust=bob)
    config = "[profile prod]\nrole_arn = {}\nsource_profile = base\n"
    write(home, config.format(old.arn), f"[base]\n{lines_of(bob)}")
    run("prod", environ=aws.environ())
    write(home, config.format(old.arn.replace("old", "new")), f"[base]\n{lines_of(bob)}")
    rows = listed(**aws.environ())
    assert [row["SecondsLeft"] for row in rows if row["Role"] == "new"] == [None]
    assert [row["RoleArn"] for row in rows if row["SecondsLeft"]] == [old.arn]


def test_columns_are_aligned_and_an_empty_one_is_left_out(
    home: Path, run: Callable[..., Result]
) -> None:
    """Nothing of rich's is in what a pipe reads."""
    write(home, "", BASE)
    assert run("--list").stdout.splitlines() == [
        "NAME  SOURCE  REGION",
        "base  keys    eu-west-2",
    ]


def test_nothing_to_list_is_said(run: Callable[..., Result]) -> None:
    """An empty answer would look like a failure."""
    said = run("--list")
    assert said.stdout == ""
    assert "names credentials or a role" in said.stderr
    assert json.loads(run("--list", "--json").stdout) == []


def on_terminal(program: str, *words: str, **environ: str) -> str:
    """Give what --list, or another verb, writes to a terminal."""
    ours, theirs = pty.openpty()
    merged = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "", **environ}
    with subprocess.Popen(
        [program, *(words or ("--list",))],
        stdout=theirs,
        stdin=theirs,
        env=merged,
        start_new_session=True,
    ):
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
    os.close(ours)
    return said.decode()


def test_a_terminal_gets_colours_unless_told_otherwise(home: Path, program: str) -> None:
    """NO_COLOR and a dumb terminal get the plain lines."""
    write(home, CONFIG, BASE)
    assert "\x1b[" in on_terminal(program)
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        said = on_terminal(program, **environ)
        assert "\x1b[" not in said
        assert "alpha" in said


def test_fields_are_coloured_on_a_terminal_too(aws: FakeAws, program: str) -> None:
    """The same words as without."""
    environ = aws.environ(aws.add_user("Bob"))
    said = on_terminal(program, "--whoami", **environ)
    assert "\x1b[" in said
    plain = on_terminal(program, "--whoami", NO_COLOR="1", **environ)
    assert re.sub(r"\x1b\[[0-9;]*m", "", said) == plain


def test_a_profile_that_has_gone_is_not_listed_as_a_role(
    aws: FakeAws,
    home: Path,
    run: Callable[..., Result],
    listed: Callable[..., list[dict[str, Any]]],
) -> None:
    """Its session is, by the role's ARN."""
    bob = aws.add_user("Bob")
    role = aws.add_role("prod", trust=bob)
    base = f"[base]\n{lines_of(bob)}"
    write(home, f"[profile prod]\nrole_arn = {role.arn}\nsource_profile = base\n", base)
    run("prod", environ=aws.environ())
    write(home, "", base)
    assert [(row["Kind"], row["RoleArn"]) for row in listed(**aws.environ())] == [
        ("role", role.arn),
        ("profile", None),
    ]


def test_names_that_would_move_the_cursor_do_not(home: Path, run: Callable[..., Result]) -> None:
    """A config file is data: an escape sequence in it is shown as what it is not."""
    write(home, "", BASE.replace("eu-west-2", "eu\x1b[31m"))
    assert "\x1b" not in run("--list").stdout


def test_ten_thousand_profiles_are_listed(home: Path, run: Callable[..., Result]) -> None:
    """Each has its line, chain and all, and no AWS call is made."""
    count = 10_000
    config = [
        f"[profile role{number}]\nrole_arn = arn:aws:iam::123456789012:role/r{number}\n"
        f"source_profile = {'base' if number % 2 else f'role{number + 1}'}\n"
        for number in range(count)
    ]
    write(home, "".join(config), BASE)
    began = time.monotonic()
    said = run("--list").stdout.splitlines()
    print(f"{count} profiles: {time.monotonic() - began:.2f} s")  # noqa: T201  # to be seen, not asserted
    assert len(said) == count + 2
    assert any(line.startswith("role42 ") and "role43 ← base" in line for line in said)
