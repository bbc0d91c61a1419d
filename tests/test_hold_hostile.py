"""Hostile text wherever text can come from, and secrets looked for wherever they could have gone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pexpect
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import awsassume.__main__  # noqa: F401 - so that every run below finds the same modules
from awsassume import outcome, record
from awsassume.program import Program
from tests import readers
from tests.bench import COMMAND, EXIT_CODES, Bench, bench
from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Result

__all__ = ["bench"]

EXAMPLES = 2000
NASTY = [
    "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '"; touch pwned; "', "\\'; touch pwned #",
    "a\nb = c\n[profile x]", "\x1b[2J", "-", "--", "--refresh", "%s%n", "../../etc/passwd", "a&b=%00",
    "\udcff\udcfe", "é\u202e", "x" * 5000, "", " ", "~", "{}", "[", "=", "#", ";", "true\n", "0", "1e9",
    "٣٣٣", "NaN", "9" * 400, "arn:aws:iam::123456789012:role/x", "123456789012:x",
]  # fmt: skip
TEXT = st.sampled_from(NASTY) | st.text(max_size=30).filter(lambda text: "\0" not in text)
OPTIONS = [
    "--profile", "--session-name", "--duration", "--external-id", "--mfa-serial", "--token-code", "--policy",
    "--policy-arn", "--tag", "--transitive-tag", "--source-identity", "--region", "--min-remaining", "--format",
]  # fmt: skip
FLAGS = [
    "--refresh",
    "--no-cache",
    "--chain",
    "--clear",
    "--renew",
    "--quiet",
    "--verbose",
    "--credential-process",
]
VARIABLES = [
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
    "AWSASSUME_SAVED", "AWSASSUME_RENEW", "AWSASSUME_ROLE", "AWSASSUME_EXPIRATION", "AWSASSUME_SHELL",
    "AWSASSUME_SHIM_FD", "AWSASSUME_DURATION", "AWSASSUME_SESSION_NAME", "AWSASSUME_TOKEN_CODE",
    "AWSASSUME_STORE", "USER", "HOME", "LC_ALL", "TZ",
]  # fmt: skip
KEYS = [
    "role_arn", "source_profile", "credential_source", "mfa_serial", "external_id", "role_session_name",
    "duration_seconds", "region", "endpoint_url", "policy", "session_tags", "mfa_process",
]  # fmt: skip


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put this process's signals back afterwards: a run that ends changes what an interrupt does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTSTP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def once(argv: list[str], environ: dict[str, str]) -> tuple[int, bytes, str]:
    """Run a command line in this process as main does, with descriptors of its own; return code, output, and what was said."""
    out, errors = os.pipe(), os.pipe()
    kept = [os.dup(1), os.dup(2)]
    before = dict(os.environ)
    os.dup2(out[1], 1)
    os.dup2(errors[1], 2)
    try:
        program = Program(argv, environ)
        with undisturbed():
            try:
                code = program.run()
            except BaseException as error:  # noqa: BLE001 - as main
                code = outcome.settle(program, error)
    finally:
        record.seal = None
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(before)
        os.close(out[1])
        os.close(errors[1])
    with os.fdopen(out[0], "rb") as read, os.fdopen(errors[0], "rb") as said:
        return code, read.read(), said.read().decode()


def environ_of(bench: Bench) -> dict[str, str]:
    """Return Bob's environment, in which nothing answers: AWS is a closed port."""
    closed = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWSASSUME_SHELL": "bash",
        "AWS_MAX_ATTEMPTS": "1",
    }
    return {**bench.environ, **closed}


def judge(code: int, out: bytes, said: str) -> None:
    """Assert that a run ended as a run may: a code of the table, no traceback, and nothing but statements for the shell."""
    assert code in EXIT_CODES, said
    assert "Traceback" not in said
    assert "this is a bug" not in said
    assert said.replace("\n", "").isprintable() or not said
    if code and out:
        assert out in {
            b"false;\n",
            b"false\n",
            b"throw 'awsassume failed';\n",
            b"cmd /c exit 1\n",
        } or (out == b"fail 'awsassume failed';\n")


SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@SETTINGS
@given(
    words=st.lists(
        st.tuples(st.sampled_from(OPTIONS), TEXT)
        | st.sampled_from(FLAGS).map(lambda flag: (flag,))
        | TEXT.map(lambda text: (text,)),
        max_size=4,
    ),
    variables=st.dictionaries(st.sampled_from(VARIABLES), TEXT, max_size=3),
)
@example(
    words=[("x",)], variables={"AWSASSUME_SAVED": "A:b:c&AWS_PROFILE=%00", "AWS_ACCESS_KEY_ID": "A"}
)
@example(
    words=[("--renew",)],
    variables={"AWSASSUME_SAVED": "A:b:c", "AWS_ACCESS_KEY_ID": "A", "AWSASSUME_RENEW": "%00"},
)
def test_hostile_words_and_variables(
    bench: Bench, words: list[tuple[str, ...]], variables: dict[str, str]
) -> None:
    """Whatever is typed or exported: a code of the table and one clear line."""
    argv = [word for group in words for word in group]
    if "--" in argv or "-" in argv:
        argv = [word for word in argv if word not in {"--", "-"}]
    judge(*once([*argv, "--no-cache", "--quiet"], {**environ_of(bench), **variables}))


@pytest.mark.slow
@SETTINGS
@given(
    name=TEXT,
    values=st.dictionaries(st.sampled_from(KEYS), TEXT, max_size=4),
    raw=st.none() | st.binary(max_size=60),
)
def test_hostile_config_files(
    bench: Bench, name: str, values: dict[str, str], raw: bytes | None
) -> None:
    """Whatever the config file says, of whatever profile; or when it is no config file at all."""
    lines = [f"[profile {name}]", "source_profile = default"]
    lines += [f"{key} = {value}" for key, value in values.items() if key != "mfa_process"]
    text = "\n".join(lines).encode("utf-8", "surrogateescape")
    bench.config_file.write_bytes(text if raw is None else raw + b"\n" + text)
    word = name if name and not name.startswith("-") else "x"
    judge(*once(["--credential-process", "--no-cache", "--quiet", word], environ_of(bench)))


@pytest.mark.parametrize("text", [*NASTY[:8], "a\x07b", "é\u202e"], ids=repr)
@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "ksh", "fish"])
def test_hostile_names_reach_no_shell(bench: Bench, shell: str, text: str) -> None:
    """Of a directory, a profile, a variable that is kept: real shells read the answer, and run none of it."""
    place = bench.tmp_path / f"dir {text.replace('/', '_')}"[:60]
    place.mkdir()
    name = "".join(char for char in text if char not in "\n[]#;")
    bench.config_file.write_text(
        f"[default]\nregion = eu-west-1\n\n[profile {json.dumps(name)[1:-1]}]\nregion = x\n"
        f"[profile example]\nrole_arn = {bench.role.arn}\nsource_profile = default\nregion = eu-west-2\n"
    )
    environ = {
        **bench.environ,
        "AWS_PROFILE": "default",
        "AWS_CREDENTIAL_SCOPE": text,
        "AWSASSUME_CACHE_DIR": str(place / "cache"),
    }
    command = " ".join("'" + word.replace("'", "'\"'\"'") + "'" for word in [*COMMAND, "example"])
    clear = f'eval "$({command.rpartition(" ")[0]} --clear)"'
    script = f'eval "$({command})"; eval "$({command} --region eu-west-3)"; {clear}; env -0'
    done = subprocess.run(
        [need(shell), "-c", script], check=False, cwd=place, env=environ, capture_output=True
    )
    seen = dict(item.split(b"=", 1) for item in done.stdout.split(b"\0") if b"=" in item)
    assert seen[b"AWS_CREDENTIAL_SCOPE"] == os.fsencode(text), done.stderr
    assert [path.name for path in place.iterdir()] == ["cache"]


@pytest.mark.parametrize("name", readers.READERS)
def test_the_readers_of_our_own_files_read_anything(name: str) -> None:
    """At least 2,000 examples each; `make fuzz` goes on from there."""
    words = st.sampled_from([part for word in readers.WORDS for part in word.split(b"\0")])
    joined = st.lists(words | st.binary(max_size=12)).map(b"\0".join)
    settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )(given(joined | st.binary())(readers.READERS[name]))()


# Secrets.


def secrets_of(bench: Bench) -> set[str]:
    """Return every secret there is."""
    found = set()
    for keys in bench.aws.keys.values():
        found |= {keys.secret_access_key, *([keys.session_token] if keys.session_token else [])}
    return {secret for secret in found if secret}


def leaked(bench: Bench, text: str) -> list[str]:
    """Return the secrets that a text holds."""
    return [secret for secret in secrets_of(bench) if secret in text]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["example-role"], id="export"),
        pytest.param(["example-role", "--credential-process"], id="credential_process"),
        pytest.param(["example-role", "--format", "fish"], id="format"),
        pytest.param(["--whoami"], id="whoami"),
        pytest.param(["--list"], id="list"),
        pytest.param(["example-role", "--explain"], id="explain"),
    ],
)
def test_no_secret_reaches_a_terminal(bench: Bench, words: list[str]) -> None:
    """All three streams on a terminal, cold and warm, and with everything said that there is to say."""
    for more in ([], ["--verbose"]):
        environ = {**bench.environ, "AWSASSUME_DEBUG": "1"}
        if "--list" in words and more:
            continue
        line = [*COMMAND, *words, *more]
        terminal = pexpect.spawn(line[0], line[1:], env=environ, encoding="utf-8", timeout=BOUND)
        terminal.expect(pexpect.EOF)
        assert isinstance(terminal.before, str)
        assert leaked(bench, terminal.before) == []
        bench.take()


FAILING = [
    "drop-midway", "status", "captive-portal", "wrong-types", "hostile", "no-expiration", "year-9999", "past-expiration",
]  # fmt: skip


@pytest.mark.parametrize("kind", FAILING)
def test_no_secret_is_said_when_something_goes_wrong(bench: Bench, kind: str) -> None:
    """Not of the source, nor of what AWS answered, in an error or under AWSASSUME_DEBUG and --verbose."""
    bench.aws.fault(kind, "AssumeRole")  # type: ignore[arg-type]
    environ = {"AWSASSUME_DEBUG": "1"}
    result = bench.run("example-role", "--verbose", "--format", "env", environ=environ, code=5)
    assert "assume" in result.stderr
    assert leaked(bench, result.stdout + result.stderr) == []
    assert "touch pwned" not in result.stderr


def test_no_secret_in_the_arguments_of_any_process(bench: Bench) -> None:
    """Those are everybody's to read: every program that is started, by us or as the role."""
    log = bench.tmp_path / "strace"
    tracing = [
        need("strace"),
        "-f",
        "-qq",
        "-s",
        "100000",
        "-o",
        str(log),
        "-e",
        "trace=execve,execveat",
    ]
    key = bench.take()["key"]
    bench.config_file.write_text(
        f"[default]\nregion = eu-west-1\n\n[profile mine]\nregion = eu-west-1\ncredential_process = {' '.join(COMMAND)} "
        f"{bench.role.arn} --credential-process\n\n[profile chained]\nrole_arn = {bench.role.arn}\nsource_profile = default\n"
    )
    bench.run("chained", "--", "sh", "-c", "env >/dev/null; true", prefix=tracing)
    bench.run("chained", environ={"AWSASSUME_SHELL": None}, prefix=tracing)
    text = log.read_text()
    assert "execve(" in text
    assert leaked(bench, text) == []
    assert key


def test_no_secret_in_a_file_but_a_session_s_own(bench: Bench) -> None:
    """And that is 0600, below 0700; what is remembered of a command line holds none."""
    bench.take()
    bench.run("example-role", environ=bench.bob.environ)
    secret = secrets_of(bench)
    for path in bench.cache.rglob("*"):
        if path.is_file() and path.parent.name != "sessions":
            text = path.read_text(errors="replace")
            assert not [one for one in secret if one in text], path
        assert path.stat().st_mode & 0o077 == 0
    for path in bench.tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_mode & 0o077 and path != bench.credentials_file:
            text = path.read_text(errors="replace")
            assert not [one for one in secret if one in text], path


def test_a_bug_shows_places_and_no_values(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The traceback of a bug is its file, line and kind: what was in hand may be a secret."""
    program = Program(["example-role"], {**bench.environ, "AWSASSUME_DEBUG": "1"})
    said: list[str] = []
    monkeypatch.setattr(program, "say", said.append)

    def fail(secret: str) -> None:
        raise RuntimeError(secret)

    with pytest.raises(RuntimeError) as caught:
        fail("a-secret-in-hand")
    with undisturbed():
        assert outcome.settle(program, caught.value) == 1
    assert capfd.readouterr() == ("false;\n", "")
    assert "a-secret-in-hand" not in "\n".join(said)
    assert re.search(r"test_hold_hostile\.py:\d+", "\n".join(said))


def shown(result: Result) -> str:
    """Return all that a run said."""
    return result.stdout + result.stderr


def test_credentials_show_no_secret_of_theirs(bench: Bench, tmp_path: Path) -> None:
    """Neither in a repr nor in what a format of text makes of them."""
    from awsassume.credentials import Credentials

    for made in (repr, str, "{}".format, lambda value: f"{[value]!r}"):
        assert "swordfish" not in made(
            Credentials("ASIA1EXAMPLE", "swordfish", "swordfish-token", 1)
        )
    assert leaked(bench, shown(bench.run("--version", cwd=tmp_path))) == []
