"""What the README shows works."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from awsassume import cli, manual
from tests import documents
from tests.aws_files import lines_of, write
from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

TEXT = documents.README.read_text()
SHOWN = re.findall(r"```(?:sh|yaml|fish|ini)\n(.*?)```", TEXT, re.DOTALL)
RUN = re.findall(r"<!-- run -->\n```sh\n(.*?)```", TEXT, re.DOTALL)
# What the recipes start, where the real one needs a real AWS or a desktop: each says as whom it was started.
STUB = """#!/bin/sh
[ -z "$AWS_ACCESS_KEY_ID" ] || who=$(aws sts get-caller-identity --query Arn --output text)
[ -z "$AWS_CONTAINER_CREDENTIALS_FULL_URI" ] || who=$(aws sts get-caller-identity --query Arn --output text)
echo "$(basename "$0") $1 as ${who:-nobody}"
"""
DOCKER = """#!/bin/sh
while [ "$1" != --env-file ]; do shift; done
env -i PATH="$PATH" AWS_ENDPOINT_URL="$AWS_ENDPOINT_URL" $(cat "$2") aws sts get-caller-identity --query Arn --output text
"""


@pytest.fixture
def place(
    aws: FakeAws, home: Path, aws_cli: str, program: str, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give Bob, two roles, and a PATH with awsassume, the AWS CLI and what the recipes start."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob)
    aws.add_role("deploy", trust=bob)
    write(home, "", f"[default]\n{lines_of(bob)}")
    tools = home / "tools"
    tools.mkdir()
    for name in ("terraform", "cdk", "code", "a-job-of-a-day.sh"):
        (tools / name).write_text(STUB)
    (tools / "docker").write_text(DOCKER)
    # The fake has no S3: whoever lists it is told who he is.
    (tools / "aws").write_text(
        f'#!/bin/sh\ncase "$1" in s3) set -- sts get-caller-identity;; esac\nexec {aws_cli} "$@"\n'
    )
    (tools / "awsassume").symlink_to(program)
    for tool in tools.iterdir():
        if not tool.is_symlink():
            tool.chmod(0o755)
    (home / "a-job-of-a-day.sh").symlink_to(tools / "a-job-of-a-day.sh")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    return home


# How a shell reads its script: without the function, or with it, as one has it at a prompt.
READING = {
    "bash": ("bash", ""),
    "bash, loaded": ("bash", 'eval "$(awsassume --init bash)"\n'),
    "zsh, loaded": ("zsh", 'eval "$(awsassume --init zsh)"\n'),
}


# In zsh too what the function does by itself.
SHOWN_BY = [
    pytest.param(block, reading, id=f"{block.strip().splitlines()[-1][:40]} in {reading}")
    for block in RUN
    for reading in READING
    if reading.startswith("bash") or "$(" in block or "<(" in block
]


@pytest.mark.slow
@pytest.mark.parametrize("block, reading", SHOWN_BY)
def test_what_is_shown_runs(
    aws: FakeAws, place: Path, run: Callable[..., Result], block: str, reading: str
) -> None:
    """Each block that can run without a real AWS does so, the function loaded or not, without a word on standard error."""
    shell, loading = READING[reading]
    block = loading + block
    code = 0
    if "\ndiff" in f"\n{block}":
        # Both lists are the same here: the roles of one account.
        code = None  # type: ignore[assignment]  # any
    done = run("-c", block, argv=(need(shell),), code=code, cwd=place)
    assert done.stderr == ""
    if "terraform" in block or "docker" in block or "cdk" in block or "code" in block:
        assert ":assumed-role/deploy/" in done.stdout
    assert {call.outcome for call in aws.calls()} == {"ok"} or "print-profile" in block


def examples(text: str) -> list[str]:
    """Return the commands of an example: what stands before the blanks and the words about it."""
    lines = [line.strip() for line in text.splitlines()]
    found = [re.split(r" {3,}", line)[0] for line in lines if "  " in line and "awsassume" in line]
    return [line for line in found if not line.startswith("credential_process")]


def test_the_man_page_has_the_examples_of_the_help() -> None:
    """They are the same, so that one run is for both."""
    page = documents.MAN.read_text().partition(".SH EXAMPLES")[2].partition(".SH ")[0]
    assert examples(page.replace("\\-", "-")) == examples(manual.EPILOG)
    assert len(examples(page.replace("\\-", "-"))) == 3


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "without"])
def test_the_examples_of_the_help_run(
    place: Path, run: Callable[..., Result], shell: str, loaded: bool
) -> None:
    """In each shell, one behind the other, the function loaded or not: the role, oneself, the role for one command."""
    loading = (
        "awsassume --init fish | source"
        if shell == "fish"
        else f'eval "$(awsassume --init {shell})"'
    )
    who = "aws sts get-caller-identity --query Arn --output text"
    one, two, three = examples(manual.EPILOG)
    lines = [loading if loaded else "", f"{one} && {who}", f"{two} && {who}", three, who]
    done = run("-c", "\n".join(lines), argv=(need(shell),), cwd=place)
    assert done.stderr == ""
    assert re.findall(r"(Bob|assumed-role/example-role)\b", done.stdout.replace('"', " ")) == [
        "assumed-role/example-role",
        "Bob",
        "assumed-role/example-role",
        "Bob",
    ]


def test_enough_of_it_runs() -> None:
    """The marks have not got lost."""
    assert len(RUN) >= 12


def commands() -> list[str]:
    """Return what stands behind each `awsassume` in what is shown: in blocks, and in the tables that lead here."""
    found = []
    rows = [
        row.rpartition("| `")[2] for row in re.findall(r"^\| `.*`awsassume.*$", TEXT, re.MULTILINE)
    ]
    for shown in [*"\n".join(SHOWN).splitlines(), *rows]:
        line = shown.partition("   #")[0].replace("-- sh -c '", "-- sh -c true)")
        found += re.findall(r"\bawsassume ((?:[^)|`>\"#]|\"\$[A-Z_]+\")+)", line)
    return [words.strip() for words in found]


@pytest.mark.parametrize("words", sorted(set(commands())))
def test_every_command_line_is_one(words: str) -> None:
    """Typer reads each, with its options and without."""
    if "…" in words or (
        words.startswith(("example", "of ")) and " " in words and "--" not in words
    ):
        pytest.skip("prose")
    cli.parse(shlex.split(words))


def test_the_public_index_is_never_named() -> None:
    """Another project has this name there."""
    assert not re.search(r"(pip|pipx|uv|uvx)[a-z ]* (install|run)? *awsassume", TEXT)
    assert "pypi.org" not in TEXT


def test_every_link_within_leads_somewhere() -> None:
    """Each `#place` is a heading."""
    places = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    assert places.issuperset(re.findall(r"\]\(#([^)]*)\)", TEXT))


def test_every_test_that_the_readme_names_is_there() -> None:
    """By file; and what is named of one by the start of a name, by that."""
    rows = [line for line in TEXT.splitlines() if line.startswith("|") and "`tests/" in line]
    assert len(rows) > 20
    for row in rows:
        file = ""
        for word in re.findall(r"`([^`]+)`", row):
            if word.startswith("tests/"):
                file = word
                assert (documents.README.parent / file).is_file(), row
            elif word.endswith("…") and file:
                named = word.strip("…")
                assert re.search(
                    rf"def test_\w*{named.removeprefix('test_')}",
                    (documents.README.parent / file).read_text(),
                ), row
