"""The grammar: what each option comes to, what is refused, and what the help says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st

from awsassume import cli, manual, shells, words
from awsassume.errors import UsageFailure
from awsassume.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("--profile dev", {"profile": "dev"}),
    ("-p dev", {"profile": "dev"}),
    ("--chain", {"chain": True}),
    ("--region eu-west-1", {"region": "eu-west-1"}),
    ("--session-name me", {"session_name": "me"}),
    ("--duration 900", {"duration": 900}),
    ("-d 1h30m", {"duration": 5400}),
    ("--external-id id", {"external_id": "id"}),
    ("--mfa-serial arn:aws:iam::123456789012:mfa/bob", {"mfa_serial": "arn:aws:iam::123456789012:mfa/bob"}),
    ("--token-code 012345", {"token_code": "012345"}),
    ("--policy {}", {"policy": "{}"}),
    ("--policy-arn a --policy-arn b", {"policy_arns": ("a", "b")}),
    ("--tag a=b --tag c=d=e", {"tags": ("a=b", "c=d=e")}),
    ("--transitive-tag a", {"transitive_tags": ("a",)}),
    ("--source-identity me", {"source_identity": "me"}),
    ("--refresh", {"refresh": True}),
    ("--no-cache", {"no_cache": True}),
    ("--min-remaining 10m", {"min_remaining": 600}),
    ("--min-remaining 0", {"min_remaining": 0}),
    *[(f"--format {name}", {"format": name}) for name in (*shells.FORMATS, "process")],
    ("-f fish", {"format": "fish"}),
    ("--credential-process", {"format": "process"}),
    ("--credential-process --format process", {"format": "process"}),
    ("--show", {"show": True}),
    ("--quiet", {"quiet": True}),
    ("-q", {"quiet": True}),
    ("--verbose", {"verbose": True}),
    ("-v", {"verbose": True}),
]  # fmt: skip


@pytest.mark.parametrize("line, fields", OPTIONS, ids=[line for line, _ in OPTIONS])
def test_an_option_sets_its_field_before_and_after_role(line: str, fields: dict[str, Any]) -> None:
    """And nothing else."""
    expected = Request("export", role="prod", **fields)
    assert cli.parse([*line.split(), "prod"]) == expected
    assert cli.parse(["prod", *line.split()]) == expected


@pytest.mark.parametrize("mode", ["clear", "renew", "version"])
def test_a_verb_is_a_mode(mode: str) -> None:
    """Without a ROLE."""
    assert cli.parse([f"--{mode}"]) == Request(mode)


def test_what_stands_after_two_dashes_is_the_command_untouched() -> None:
    """Options of the command are not ours, nor is a second pair of dashes."""
    asked = cli.parse(["-v", "prod", "--", "aws", "--profile", "x", "--", "--help", ""])
    command = ("aws", "--profile", "x", "--", "--help", "")
    assert asked == Request("exec", role="prod", verbose=True, command=command)


REFUSED = {
    "prod other": "unexpected extra argument",
    "--nope prod": "No such option: --nope",
    "--profil dev prod": "--profile)",
    "prod --profile": "requires an argument",
    "prod --duration 1x": '"1x" is no duration',
    "prod --duration -5": '"-5" is no duration',
    "prod --min-remaining soon": '"soon" is no duration',
    "prod --format bash": "'bash' is not one of 'env'",
    "prod --credential-process --format fish": "can't go together",
    "--clear prod": "--clear takes no ROLE",
    "--renew prod": "--renew takes no ROLE",
    "--version prod": "--version takes no ROLE",
    "--clear --renew": "--clear and --renew can't go together",
    "--init csh": "'csh' is not one of 'bash', 'zsh', 'fish'",
    "--clear --profile dev": "--profile has no meaning with --clear",
    "--renew --no-cache": "--no-cache has no meaning with --renew",
    "--renew --tag a=b": "--tag has no meaning with --renew",
    "--init bash --policy-arn x": "--policy-arn has no meaning with --init",
    "--version --format env": "--format has no meaning with --version",
    "--clear -- ls": "--clear runs no COMMAND",
    "prod --": "no COMMAND after --",
    "-- ls": "no ROLE before --",
    "prod --format env -- ls": "--format env has no meaning with a COMMAND",
    "prod --json": "--json goes with",
    "prod --no-open": "--no-open goes with",
    "prod --service ec2": "--service goes with --console",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_makes_no_sense_is_refused_in_the_user_s_words(line: str) -> None:
    """One line, and where to look next; the exit code is 2."""
    with pytest.raises(UsageFailure) as refused:
        cli.parse(line.split())
    assert REFUSED[line].lower() in refused.value.message.lower()
    assert "\n" not in refused.value.message
    assert refused.value.hint
    assert refused.value.exit_code == 2


def test_an_empty_role_is_refused() -> None:
    """As a variable that is not set makes it: awsassume "$ROLE"."""
    with pytest.raises(UsageFailure, match="ROLE is empty"):
        cli.parse([""])


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
PLAIN = TEXT.filter(lambda text: text != "--")
ROLE = PLAIN.filter(lambda text: text and not text.startswith("-"))


@given(
    st.fixed_dictionaries(
        {"role": ROLE},
        optional={
            **dict.fromkeys(
                ("profile", "region", "session_name", "external_id", "mfa_serial", "source_identity"),
                PLAIN,
            ),
            **dict.fromkeys(("policy_arns", "tags", "transitive_tags"), st.lists(PLAIN).map(tuple)),
            **dict.fromkeys(("duration", "min_remaining"), st.integers(0, 10**8)),
            **dict.fromkeys(("chain", "no_cache"), st.booleans()),
            "policy": TEXT.map("{{{}".format) | st.just("/tmp/policy.json"),
        },
    )
)  # fmt: skip
def test_a_request_spelled_again_is_the_same_request(fields: dict[str, Any]) -> None:
    """The words for --renew ask for the same session: parse(renewal(request)) == request."""
    request = Request("export", **fields)
    assert cli.parse(words.renewal(request)) == request


def test_what_happens_once_or_is_a_matter_of_output_is_not_spelled_again() -> None:
    """A renewal prompts for its own code, and prints as it is told then."""
    once = ["--refresh", "--token-code", "123456", "--show", "-f", "fish", "-v", "-q", "prod"]
    assert words.renewal(cli.parse(once)) == ["prod"]
    assert words.renewal(cli.parse(["prod", "--", "ls"])) == ["prod"]


def test_a_policy_file_is_spelled_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell may be in another directory by then."""
    monkeypatch.chdir(tmp_path)
    assert words.renewal(cli.parse(["--policy", "p.json", "prod"]))[1] == f"{tmp_path}/p.json"


def test_pairs_and_back() -> None:
    """A request that is remembered is the same request."""
    for line, _ in OPTIONS:
        request = cli.parse([*line.split(), "prod"])
        assert Request.from_pairs(request.pairs()) == request


def test_a_token_code_is_in_no_repr() -> None:
    """It is a secret for half a minute."""
    assert "012345" not in repr(cli.parse(["--token-code", "012345", "prod"]))


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_has_every_option_in_a_group_and_the_three_uses(
    run: Callable[..., Result], option: str
) -> None:
    """Plain text, no wider than a terminal, on stdout alone."""
    said = run(option)
    assert said.stderr == ""
    assert said.stdout.isascii()
    assert max(map(len, said.stdout.splitlines())) <= 80
    for group in manual.GROUPS:
        assert f"\n{group}:\n" in said.stdout
    for use in (
        'eval "$(awsassume example-role)" ',
        'eval "$(awsassume --clear)" ',
        "credential_process = /path/to/awsassume example-role --credential-process\n",
    ):
        assert use in said.stdout
    lines = said.stdout.splitlines()
    for parameter in typer.main.get_command(cli.app).params:
        if parameter.param_type_name == "option":
            name = max(parameter.opts, key=len)
            assert any(name in line.split() for line in lines), name
            assert getattr(parameter, "rich_help_panel", None) in manual.GROUPS, name
            assert getattr(parameter, "help", "").endswith("."), name


def test_help_needs_no_rich(run: Callable[..., Result]) -> None:
    """It costs more to import than all that is printed."""
    code = (
        "import sys; from awsassume import cli\n"
        "try: cli.parse(['--help'])\n"
        "finally: assert 'rich' not in sys.modules"
    )
    assert "Usage:" in run("-c", code, argv=(sys.executable,)).stdout


def test_help_whose_reader_goes_is_no_failure(run: Callable[..., Result], program: str) -> None:
    """`awsassume --help | head -1` under pipefail."""
    code = 'set -o pipefail; "$1" --help | true'
    assert run("-c", code, "bash", program, argv=("bash",)).stderr == ""


def test_version(run: Callable[..., Result]) -> None:
    """Name and number."""
    from awsassume import __version__

    assert run("--version").stdout == f"awsassume {__version__}\n"
