"""The shape of the fast way, and of a first call: what is imported, opened and asked of AWS. Never a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsassume.__main__
from awsassume import recall, sessions, shells
from awsassume.credentials import Credentials
from tests.speed.timing import peak_kib

if TYPE_CHECKING:
    from tests.fake_aws.aws import FakeAws

MAIN = awsassume.__main__.__file__
CONSOLE = [str(Path(sys.executable).parent / "awsassume")]
SHIM = ["-I", "-S", MAIN]
STARTS = pytest.mark.parametrize("start", [CONSOLE, SHIM], ids=["console", "shim"])
OURS = {
    "awsassume",
    "awsassume.credentials",
    "awsassume.environment",
    "awsassume.paths",
    "awsassume.private",
    "awsassume.program",
    "awsassume.recall",
    "awsassume.record",
    "awsassume.request",
    "awsassume.sessions",
    "awsassume.shells",
}
# A digest without the rest of hashlib; and what is built in.
BUILT_IN = {"_blake2", "gc"}
# Without site, Python has not imported this by itself.
OS = {"os", "stat", "_stat", "_collections_abc", "posixpath", "genericpath"}
MOST_KIB = 12 * 1024

# Tells each file opened and each folder listed as it happens: a hit ends too early for anything else.
WATCH = """\
import os, sys
def hook(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and arguments:
        os.write(2, f"{event} {arguments[0]}\\n".encode())
main = sys.argv.pop(1)
sys.argv[0] = main
sys.addaudithook(hook)
with open(main) as file:
    code = compile(file.read(), main, "exec")
exec(code, {"__name__": "__main__", "__file__": main, "__package__": ""})
"""


def python(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run Python as it is without the measuring of coverage, which imports and opens a lot."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        (sys.executable, *arguments), check=False, capture_output=True, text=True, env=environ
    )
    assert done.returncode == code, done.stderr
    return done


def imported(*arguments: str) -> set[str]:
    """Return the modules that a program imports beyond those of Python's own start."""
    before = ["-I", "-S"] if "-S" in arguments else []

    def names(*line: str) -> set[str]:
        said = python("-X", "importtime", *line).stderr.splitlines()
        return {line.rpartition("|")[2].strip() for line in said if line.startswith("import time:")}

    return names(*arguments) - names(*before, "-c", "pass")


def touched(*arguments: str) -> list[str]:
    """Return what a program, started as the shims do, opens and lists."""
    said = python("-I", "-S", "-c", WATCH, MAIN, *arguments).stderr.splitlines()
    return [line for line in said if line.startswith(("open ", "os."))]


@pytest.fixture
def example(home: Path, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """Return an AWS with a role that profile `example` names, whose source is profile `base`."""
    keys = aws.add_user("Bob")
    role = aws.add_role("example-role", trust=keys)
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    (home / ".aws/config").write_text(
        f"[profile example]\nrole_arn = {role.arn}\nsource_profile = base\n"
    )
    (home / ".aws/credentials").write_text(
        f"[base]\naws_access_key_id = {keys.access_key_id}\n"
        f"aws_secret_access_key = {keys.secret_access_key}\n"
    )
    return aws


@STARTS
@pytest.mark.parametrize(
    "words", ["example", "example --credential-process", "--clear", "--version"], ids=str
)
def test_a_hit_imports_nothing_else(start: list[str], words: str, example: FakeAws) -> None:
    """Each further module costs every prompt, every eval and every SDK process a part of an interpreter's start."""
    python(*start, *words.split())
    assert imported(*start, *words.split()) == OURS | BUILT_IN | (OS if start is SHIM else set())
    assert len(example.calls()) == ("example" in words)


def test_a_source_that_is_a_process_is_asked_without_botocore(
    example: FakeAws, home: Path, tmp_path: Path
) -> None:
    """Who it gives is known by its answer, for the reading of which no more is imported than that takes."""
    keys = example.add_user("Eve")
    printed = {
        "Version": 1,
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
    }
    (tmp_path / "printed").write_text(json.dumps(printed))
    example.add_role("of-eve", trust=keys)
    (home / ".aws/config").write_text(
        f"[profile given]\ncredential_process = cat {tmp_path}/printed\n"
        "[profile example]\nrole_arn = arn:aws:iam::123456789012:role/of-eve\nsource_profile = given\n"
    )
    time.sleep(0.05)
    python(*SHIM, "example", "--credential-process")
    found = imported(*SHIM, "example", "--credential-process")
    assert {name for name in found if name.startswith("awsassume")} == {
        *OURS,
        "awsassume.asking",
        "awsassume.bolt",
        "awsassume.folders",
        "awsassume.process",
        "awsassume.turn",
    }
    assert {"json", "subprocess", "hashlib"} <= found
    assert not {"botocore", "typer", "platformdirs"} & found
    assert len(example.calls("AssumeRole")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("form", [*shells.FORMATS, "process"])
def test_every_format_is_had_the_fast_way(form: str, example: FakeAws) -> None:
    """A rarer shell costs the module that writes for it, and no more."""
    python(*SHIM, "example", "--format", form)
    rarer = set() if form in {"env", "fish", "process"} else {"awsassume.formats"}
    assert imported(*SHIM, "example", "--format", form) == OURS | BUILT_IN | OS | rarer
    assert [call.action for call in example.calls()] == ["AssumeRole"]


def test_a_hit_opens_two_files_and_lists_no_folder(example: FakeAws, tmp_path: Path) -> None:
    """What was remembered and the session; not the config, and nothing that grows with the number of sessions.

    Each from its folder, and that from the cache.
    """
    cache = str(tmp_path / "cache/awsassume")

    def seen(word: str) -> list[str]:
        lines = touched(word)
        return [line.split()[1] for line in lines[lines.index(f"open {cache}") :]]

    def names(folder: str) -> list[str]:
        return os.listdir(f"{cache}/{folder}")

    python(*SHIM, "example")
    (mark,), (key,) = names(recall.FOLDER), {*names(sessions.FOLDER)} - {".tidied"}
    assert seen("example") == [cache, recall.FOLDER, mark, cache, sessions.FOLDER, key]
    python(*SHIM, "--clear")
    (mark,) = {*names(recall.FOLDER)} - {mark}
    assert seen("--clear") == [cache, recall.FOLDER, mark]
    assert len(example.calls()) == 1


@STARTS
def test_a_first_call_asks_aws_once_and_reads_the_config_once(
    start: list[str], example: FakeAws, home: Path
) -> None:
    """No GetCallerIdentity where nothing needs it; ten thousand profiles take a second each time they are read."""
    if start is SHIM:
        seen = touched("example")
        for name in ("config", "credentials"):
            assert seen.count(f"open {home}/.aws/{name}") == 1
    else:
        python(*start, "example")
    assert [call.action for call in example.calls()] == ["AssumeRole"]


def test_a_first_call_imports_neither_boto3_nor_what_draws_help(example: FakeAws) -> None:
    """Typer reads the words, botocore the config and STS's answer; all else would only be waited for."""
    modules = imported(*SHIM, "example")
    assert {"typer", "botocore.session"} <= modules
    tops = {name.partition(".")[0] for name in modules}
    assert not tops & {
        "boto3",
        "s3transfer",
        "rich",
        "pydantic",
        "pygments",
        "platformdirs",
        "asyncio",
    }
    assert len(example.calls()) == 1


def test_a_stale_session_is_renewed_without_reading_the_words_again(
    example: FakeAws, tmp_path: Path
) -> None:
    """What the words mean is still remembered, so that Typer is not needed."""
    python(*SHIM, "example")
    cache = str(tmp_path / "cache/awsassume")
    ((key, session),) = sessions.live(cache)
    old = session.credentials
    session.credentials = Credentials(
        old.access_key_id, old.secret_access_key, old.session_token, int(time.time()) + 5
    )
    session.issued -= 3600
    sessions.write(cache, key, session)
    assert "typer" not in imported(*SHIM, "example")
    assert len(example.calls("AssumeRole")) == 2
    assert imported(*SHIM, "example") == OURS | BUILT_IN | OS


def test_a_name_looked_up_again_is_news_to_every_command_line(example: FakeAws) -> None:
    """A role that moved is found by --refresh; what another line remembers of its name then no longer holds."""
    words = ["moved", "--profile", "base", "--credential-process"]
    role = example.add_role("moved", path="/old/")
    before = python(*SHIM, *words).stdout
    assert python(*SHIM, *words).stdout == before
    del example.roles[role.arn]
    example.add_role("moved", path="/new/")
    found = python(*SHIM, *words, "--refresh").stdout
    assert found != before
    assert python(*SHIM, *words).stdout == found
    assert len(example.calls("AssumeRole")) == 2


@pytest.mark.slow
@pytest.mark.parametrize("known", [False, True], ids=["first", "stale"])
def test_of_fifty_at_once_one_calls_aws(known: bool, example: FakeAws, tmp_path: Path) -> None:
    """All get the same session; the others wait for it and find it."""
    if known:
        python(*SHIM, "example")
        for path in (tmp_path / "cache/awsassume" / sessions.FOLDER).iterdir():
            path.unlink()
    before = len(example.calls())
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    line = (sys.executable, *SHIM, "example", "--credential-process")
    started = [subprocess.Popen(line, stdout=subprocess.PIPE, env=environ) for _ in range(50)]
    answers = {process.communicate()[0] for process in started}
    assert {process.returncode for process in started} == {0}
    assert len(answers) == 1
    assert [call.action for call in example.calls()[before:]] == ["AssumeRole"]


@STARTS
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")
def test_a_hit_needs_little_memory(start: list[str], example: FakeAws) -> None:
    """Twelve MiB at most, where an interpreter alone takes nine."""
    python(*start, "example")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    assert peak_kib([sys.executable, *start, "example"], environ) <= MOST_KIB
    assert len(example.calls()) == 1
