"""One MFA device in several links of a chain: it gives its code where the user's keys sign, and nowhere else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

CODE = "123456"
GIVEN = {"AWSASSUME_TOKEN_CODE": CODE}
OTHER = "arn:aws:iam::123456789012:mfa/another"


@pytest.fixture
def config(
    aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    """Return a function that writes a chain, far behind middle behind near behind Bob, with these lines in each.

    `<serial>` stands for Bob's device. It gives the ARNs.
    """
    bob = aws.add_user("Bob")
    serial = aws.add_mfa(bob).serial
    near = aws.add_role("near", trust=bob, mfa=True, max_session_duration=43200)
    arns = {"near": near.arn, "serial": serial}
    for name in ("middle", "far"):
        arns[name] = aws.add_role(name, trust="*").arn
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)

    def write_it(**lines: str) -> dict[str, str]:
        parts = [f"[profile bob]\n{lines_of(bob)}{lines.pop('bob', '')}\n"]
        for name, source in (("near", "bob"), ("middle", "near"), ("far", "middle")):
            parts.append(f"[profile {name}]\nrole_arn = {arns[name]}\nsource_profile = {source}\n")
            parts.append(lines.pop(name, "") + "\n")
        write(home, "".join(parts).replace("<serial>", serial))
        return arns

    return write_it


@pytest.mark.parametrize(
    "role, lines",
    [
        ("middle", {"near": "mfa_serial = <serial>", "middle": "mfa_serial = <serial>"}),
        ("middle", {"bob": "mfa_serial = <serial>", "middle": "mfa_serial = <serial>"}),
        ("far", {"near": "mfa_serial = <serial>", "far": "mfa_serial = <serial>"}),
        ("far", dict.fromkeys(("bob", "near", "middle", "far"), "mfa_serial = <serial>")),
        (
            "middle",
            {
                "near": "mfa_serial = <serial>\nduration_seconds = 7200",
                "middle": "mfa_serial = <serial>\nmfa_process = false",
            },
        ),
    ],
    ids=["both links", "the source and the second", "first and last", "all", "a long first"],
)
def test_a_device_that_was_used_on_the_way_is_left_out_further_on(
    config: Callable[..., dict[str, str]],
    aws: FakeAws,
    run: Callable[..., Result],
    role: str,
    lines: dict[str, str],
) -> None:
    """One code is used, once, in a call that Bob's keys sign."""
    config(**lines)
    said = run(role, "--format", "process", environ=GIVEN)
    assert f"assumed-role/{role}/" in aws.whose(json.loads(said.stdout)["AccessKeyId"])
    coded = [call for call in aws.calls() if call.parameters.get("TokenCode")]
    assert [str(call.caller_arn).rpartition("/")[2] for call in coded] == ["Bob"]


def test_so_is_the_one_of_the_option(
    config: Callable[..., dict[str, str]], run: Callable[..., Result]
) -> None:
    """--mfa-serial for the last link, where the first has the same."""
    arns = config(near="mfa_serial = <serial>")
    run("middle", "--mfa-serial", arns["serial"], "--token-code", CODE)


@pytest.mark.parametrize(
    "lines, words, code, where",
    [
        ({"middle": "mfa_serial = <serial>"}, (), 3, 'mfa_serial of profile "middle" in '),
        (
            {"near": "mfa_serial = <serial>", "middle": f"mfa_serial = {OTHER}"},
            (),
            3,
            'mfa_serial of profile "middle" in ',
        ),
        ({}, ("--mfa-serial", OTHER), 2, "--mfa-serial: "),
    ],
    ids=["in the second alone", "another one in the second", "by the option"],
)
def test_where_it_can_give_no_code_the_message_says_why(
    config: Callable[..., dict[str, str]],
    aws: FakeAws,
    run: Callable[..., Result],
    lines: dict[str, str],
    words: tuple[str, ...],
    code: int,
    where: str,
) -> None:
    """Before a code is asked for, or any call made."""
    arns = config(**lines)
    said = run("middle", *words, environ=GIVEN, code=code)
    first, hint = said.stderr.splitlines()
    assert first.startswith(f"awsassume: {where}")
    assert (
        f"{arns['middle']} is assumed with the session of {arns['near']}, and AWS takes a code"
        " only with the keys of the user whose device it is" in first
    )
    assert hint == f"  set mfa_serial for {arns['near']}, the first on the way, or leave it out"
    assert aws.calls() == []


def test_a_temporary_source_is_what_is_blamed(
    config: Callable[..., dict[str, str]], aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """A session of a role, as a process or a login gives it, has no device; the device is sound."""
    config(near="mfa_serial = <serial>")
    session = aws.issue(
        aws.roles[next(arn for arn in aws.roles if arn.endswith("/far"))], "s", 3600
    )
    with (home / ".aws/config").open("a") as file:
        file.write(
            f"[profile session]\n{lines_of(session)}aws_session_token = {session.session_token}\n"
        )
    said = run("near", "--profile", "session", environ=GIVEN, code=5).stderr
    assert 'no MFA code can go with profile "session", which is temporary' in said
    assert "list-mfa-devices" not in said


@pytest.mark.parametrize(
    "tags",
    ["a=b,", "a=b,,c=d", ",a=b", ", a=b, c=d", "a=b, ,c=d", "a=b,\n  ,c=d", ",", "a=b,\n  c=d,"],
)
@pytest.mark.parametrize("key", ["session_tags"])
def test_a_missing_tag_is_an_error(
    config: Callable[..., dict[str, str]],
    aws: FakeAws,
    run: Callable[..., Result],
    key: str,
    tags: str,
) -> None:
    """A policy may hang on the one that a template left out."""
    config(near=f"{key} = {tags}")
    said = run("near", code=3)
    assert f'{key} of profile "near" in ' in said.stderr
    assert "an item is missing" in said.stderr
    assert aws.calls() == []


@pytest.mark.parametrize(
    "line",
    [
        "policy_arns = arn:aws:iam::aws:policy/ReadOnlyAccess,",
        "session_tags = a=b\ntransitive_session_tags = a,,",
    ],
)
def test_so_is_another_missing_item(
    config: Callable[..., dict[str, str]], run: Callable[..., Result], line: str
) -> None:
    """Of policies, and of the tags that go on."""
    config(near=line)
    assert "an item is missing" in run("near", code=3).stderr


@pytest.mark.parametrize(
    "tags", ["a=b,\n  c=d", "a=b\n  c=d", "\n  a=b\n  c=d", "a=b ,c=d", "a=b\n\n  c=d"]
)
def test_tags_stand_in_a_line_or_one_a_line(
    config: Callable[..., dict[str, str]], aws: FakeAws, run: Callable[..., Result], tags: str
) -> None:
    """A comma at a line's end is one separator with it."""
    config(near=f"mfa_serial = <serial>\nsession_tags = {tags}")
    run("near", environ=GIVEN)
    (call,) = aws.calls("AssumeRole")
    told = {name: value for name, value in call.parameters.items() if name.startswith("Tags.")}
    assert sorted(told.values()) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("printed", ["123 456", " 12 34 56 ", "123\\t456", "123456"])
def test_mfa_process_may_print_a_code_in_groups(
    config: Callable[..., dict[str, str]], aws: FakeAws, run: Callable[..., Result], printed: str
) -> None:
    """As it is shown to a person."""
    config(near=f"mfa_serial = <serial>\nmfa_process = printf '{printed}\\n'")
    run("near")
    assert aws.calls("GetSessionToken")[0]["TokenCode"] == CODE


@pytest.mark.parametrize("printed", ["123 45", "123\\n456", "1234567", "123-456", "١٢٣٤٥٦"])
def test_what_is_no_code_is_none(
    config: Callable[..., dict[str, str]], aws: FakeAws, run: Callable[..., Result], printed: str
) -> None:
    """Two lines are two words, and digits are ASCII's."""
    config(near=f"mfa_serial = <serial>\nmfa_process = printf '{printed}\\n'")
    assert "gave no code of six digits" in run("near", code=4).stderr
    assert not aws.calls("GetSessionToken")
