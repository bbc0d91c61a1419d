"""What Tab offers, and what it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from awsassume import completion, record, sessions
from awsassume.credentials import Credentials
from awsassume.options import OPTIONS
from awsassume.sessions import Session
from tests import options_table

ARN = "arn:aws:iam::123456789012:role/team/deploy"


@pytest.fixture
def world(home: Path, tmp_path: Path) -> dict[str, str]:
    """Return an environment with profiles of every spelling, a role looked up, and a live session."""
    (home / ".aws/config").write_text(
        "[default]\nregion = eu-west-1\n[profile dev]\n[profile prod]\nrole_arn = x\n"
        '[profile "two words"]\n[profile it\'s]\n[profile a]b]\n[sso-session corp]\n[services s]\n'
        "[profile]\n[profile \x1b[2J]\n# [profile no]\n[plain]\n"
    )
    (home / ".aws/credentials").write_text("[default]\n[keys]\n[dev]\n")
    cache = tmp_path / "cache/awsassume"
    record.write(str(cache), "names", "1", [("role_arn", "arn:aws:iam::1:role/example-role")])
    until = 4_000_000_000
    for key, arn, expiration in (("k1", ARN, until), ("k2", ARN + "2", 1000)):
        credentials = Credentials("ASIA", "secret", "token", expiration, None)
        sessions.write(str(cache), key, Session(credentials, 0, {"role_arn": arn, "role": "x"}))
    return dict(os.environ)


def offered(environ: dict[str, str], *words: str) -> list[str]:
    """Return what Tab offers, without the explanations."""
    return [line.partition("\t")[0] for line in completion.answer(["bash", "--", *words], environ)]


def test_the_table_of_options_is_typers() -> None:
    """One grammar: `make options` writes the table again when the command line has changed."""
    assert options_table.PLACE.read_text() == options_table.text(), "run: make options"


def test_profiles_and_roles_seen_before_are_offered(world: dict[str, str]) -> None:
    """Each profile under its own name, as botocore reads it; each role by its name; no control characters."""
    assert offered(world, "") == [
        *("default", "dev", "prod", "two words", "a]b", "keys"),
        *("deploy", "deploy2", "example-role"),
    ]


def test_botocore_finds_the_same_profiles(
    world: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are those that an SDK would take."""
    import botocore.session

    for name, value in world.items():
        monkeypatch.setenv(name, value)
    known = botocore.session.Session().available_profiles
    names = offered(world, "--profile", "")
    assert set(names) <= set(known)
    assert {name for name in known if name.isprintable()} == set(names)


CASES = {
    ("d",): ["default", "dev", "deploy", "deploy2"],
    ("DEP",): ["deploy", "deploy2"],
    ("two",): ["two words"],
    ("zzz",): [],
    (ARN[:12],): [ARN],
    ("--format", "p"): ["powershell", "process"],
    ("--format=p",): ["--format=powershell", "--format=process"],
    ("-f", "fi"): ["fish"],
    ("--init", ""): ["bash", "zsh", "fish"],
    ("--profile", "k"): ["keys"],
    ("-p", "k"): ["keys"],
    ("--profile=k",): ["--profile=keys"],
    ("--session-name", ""): [],
    ("--policy", ""): [""],
    ("--clea",): ["--clear"],
    ("dev", "--clea"): ["--clear"],
    ("--refresh", "--refre"): [],
    ("--tag", "a=b", "--ta"): ["--tag"],
    ("--clear", "d"): [],
    ("dev", "p"): [],
    ("--format", "env", "pr"): ["prod"],
    ("--refresh", "pr"): ["prod"],
    ("dev", "--", "l"): [],
}


@pytest.mark.parametrize("words, wanted", CASES.items(), ids=[" ".join(words) for words in CASES])
def test_what_may_stand_there_is_offered(
    words: tuple[str, ...], wanted: list[str], world: dict[str, str]
) -> None:
    """Options, their values, names, ARNs: each where it may stand, and nothing where nothing may."""
    assert offered(world, *words) == wanted


def test_every_option_is_offered_once(world: dict[str, str]) -> None:
    """All that begin with two dashes, each with its help; and the dashes before a command."""
    lines = completion.answer(["zsh", "--", "--"], world)
    names = [line.split("\t")[0] for line in lines]
    assert names == [*(name for name in OPTIONS if name.startswith("--")), "--"]
    assert all(line.split("\t")[1] for line in lines)
    assert offered(world, "-") == list(OPTIONS)


def test_an_edit_is_seen_at_once(world: dict[str, str], home: Path) -> None:
    """Names are kept only for as long as the files that they came from stand as they did."""
    assert "new" not in offered(world, "")
    with (home / ".aws/config").open("a") as config:
        config.write("[profile new]\n")
    assert "new" in offered(world, "")
    (home / ".aws/config").unlink()
    assert "prod" not in offered(world, "")
    (home / ".aws/credentials").unlink()
    assert offered(world, "") == ["deploy", "deploy2", "example-role"]


def test_a_pipe_is_not_waited_for(world: dict[str, str], home: Path) -> None:
    """There are no names in what is no file, and Tab answers with the others."""
    (home / ".aws/config").unlink()
    os.mkfifo(home / ".aws/config")
    assert "keys" in offered(world, "")


def test_a_session_that_is_had_later_is_seen(world: dict[str, str], tmp_path: Path) -> None:
    """The next role assumed is in the next answer."""
    offered(world, "")
    credentials = Credentials("ASIA", "secret", "token", 4_000_000_000, None)
    session = Session(credentials, 0, {"role_arn": "arn:aws:iam::1:role/late", "role": "x"})
    sessions.write(str(tmp_path / "cache/awsassume"), "c3", session)
    assert "late" in offered(world, "l")


def test_names_are_read_once(world: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing changed the config is not opened again."""
    offered(world, "")

    def fail(path: str) -> list[str]:
        raise AssertionError(path)

    monkeypatch.setattr(completion, "_headers", fail)
    assert "dev" in offered(world, "")


@pytest.mark.parametrize("bad", [b"", b"\0\xff", b"awsassume 1 0\nx", b"x" * 1000])
def test_a_bad_cache_is_no_matter(bad: bytes, world: dict[str, str], tmp_path: Path) -> None:
    """It is made again."""
    offered(world, "")
    kept = tmp_path / "cache/awsassume/recall" / completion.KEPT
    kept.write_bytes(bad)
    kept.chmod(0o600)
    assert "dev" in offered(world, "")
    assert kept.read_bytes() != bad
    assert kept.stat().st_mode & 0o777 == 0o600


def test_another_users_cache_is_not_believed(world: dict[str, str], tmp_path: Path) -> None:
    """Names from a file open to others are passed over."""
    offered(world, "")
    kept = tmp_path / "cache/awsassume/recall" / completion.KEPT
    kept.chmod(0o666)
    assert "dev" in offered(world, "")


@pytest.mark.parametrize(
    "words", [[], ["bash"], ["bash", "--"], ["--", "--", ""], ["", "--", "\udcff"]]
)
def test_no_question_is_too_odd(words: list[str], world: dict[str, str]) -> None:
    """Whatever a shell hands over, there is an answer."""
    assert isinstance(completion.answer(words, world), list)


def test_without_home_config_or_cache_there_is_an_answer() -> None:
    """An empty environment offers options still."""
    assert completion.answer(["bash", "--", ""], {}) == []
    assert "--clear" in offered({}, "--cl")


ALLOWED = {
    "_blake2",
    *(
        "__future__",
        "errno",
        "stat",
        "_stat",
        "genericpath",
        "posixpath",
        "os.path",
        "os",
        "_collections_abc",
    ),
    *("abc", "_abc", "io", "codecs", "encodings", "site", "time", "sys", "gc"),
}


@pytest.mark.parametrize("words", [["d"], [""], ["arn:"]], ids=["name", "nothing", "arn"])
def test_a_name_imports_nothing_slow(words: list[str], world: dict[str, str]) -> None:
    """Neither typer nor botocore, nor re, json, typing, pathlib or anything else that shows in a start."""
    main = str(Path(completion.__file__).with_name("__main__.py"))
    line = [
        sys.executable,
        "-I",
        "-S",
        "-X",
        "importtime",
        main,
        "--complete",
        "bash",
        "--",
        *words,
    ]
    subprocess.run(line, env=world, capture_output=True, check=True)
    done = subprocess.run(line, env=world, capture_output=True, text=True, check=True)
    bare = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", "-c", "pass"],
        capture_output=True,
        text=True,
        check=True,
    )

    def imported(text: str) -> set[str]:
        return {line.rpartition("|")[2].strip() for line in text.splitlines() if "|" in line}

    new = imported(done.stderr) - imported(bare.stderr)
    ours = {name for name in new if name.split(".")[0] == "awsassume"}
    assert new - ours <= ALLOWED
    assert not {"awsassume.cli", "awsassume.config", "awsassume.assume", "awsassume.options"} & ours
    assert done.stdout


def test_ten_thousand_profiles_are_kept_too(
    world: dict[str, str], home: Path, tmp_path: Path
) -> None:
    """The file of names is never too large to be read again."""
    text = "".join(f"[profile a-rather-long-name-of-a-profile-{n:05}]\n" for n in range(10_000))
    (home / ".aws/config").write_text(text)
    assert len(offered(world, "a-rather")) == 10_000
    first = (tmp_path / "cache/awsassume/recall" / completion.KEPT).stat().st_mtime_ns
    assert len(offered(world, "a-rather")) == 10_000
    assert (tmp_path / "cache/awsassume/recall" / completion.KEPT).stat().st_mtime_ns == first


def test_the_module_is_on_the_fast_way() -> None:
    """The shims ask the program by its fast start."""
    for shell in ("bash", "zsh", "fish"):
        text = (Path(completion.__file__).parents[1] / f"shell/awsassume.{shell}").read_text()
        assert re.search(rf"command awsassume --complete {shell}", text)
