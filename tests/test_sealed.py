"""AWSASSUME_STORE=keyring: sessions sealed with a key that a real keyring keeps; never a plain file instead."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from awsassume import record, sealed, sessions
from awsassume.credentials import Credentials
from awsassume.errors import ConfigurationFailure
from tests.bench import COMMAND, Bench, bench
from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bench"]

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the keyring that is tested is Linux's"
)
STORE = {"AWSASSUME_STORE": "keyring"}
BACKEND = "PYTHON_KEYRING_BACKEND"
IN_A_SESSION = """\
printf 'the login password\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
exec "$@"
"""
"""A script that unlocks a keyring of its own, as a login does, and then runs its arguments."""


def with_keyring(
    bench: Bench, script: str, **environ: str | None
) -> subprocess.CompletedProcess[str]:
    """Run a shell script beside a Secret Service, in which `assume` is awsassume and `keyring` the keyring's own command."""
    need("gnome-keyring-daemon")
    quoted = " ".join(f"'{word}'" for word in COMMAND)
    whole = (
        f'set -e\nassume() {{ {quoted} "$@"; }}\n'
        f'keyring() {{ "{sys.executable}" -m keyring "$@"; }}\n{script}'
    )
    line = [need("dbus-run-session"), "--", "sh", "-c", IN_A_SESSION, "sh", "sh", "-c", whole]
    variables = {**bench.environ, **STORE, "XDG_RUNTIME_DIR": str(bench.tmp_path), **environ}
    return subprocess.run(
        line,
        check=False,
        capture_output=True,
        text=True,
        env={name: value for name, value in variables.items() if value is not None},
        stdin=subprocess.DEVNULL,
        timeout=BOUND,
    )


@pytest.mark.slow
def test_sessions_are_sealed_with_a_key_of_the_secret_service(bench: Bench) -> None:
    """Taken, found again without a call, unreadable in the file; and gone with the key, which costs one call."""
    done = with_keyring(
        bench,
        "assume example-role --credential-process\nassume example-role --credential-process\n"
        'test -n "$(keyring get awsassume "session key")"\n'
        'keyring del awsassume "session key"\nassume example-role --credential-process\n',
    )
    assert done.returncode == 0, done.stderr
    assert "awsassume" not in done.stderr
    first, second, third = done.stdout.splitlines()
    assert first == second
    assert bench.good(first) != bench.good(third)
    assert len(bench.aws.calls("AssumeRole")) == 2
    (path,) = bench.session_files
    data = path.read_bytes()
    assert data.startswith(b"awsassume sealed 1\n")
    for keys in bench.aws.keys.values():
        assert keys.secret_access_key.encode() not in data
        assert keys.access_key_id.encode() not in data


@pytest.mark.slow
def test_a_plain_session_is_not_used_where_sealed_ones_are_wanted(bench: Bench) -> None:
    """It is replaced by a sealed one; nor is a sealed one of use without the keyring."""
    plain = bench.run("example-role", "--credential-process").stdout
    done = with_keyring(bench, "assume example-role --credential-process")
    assert done.returncode == 0, done.stderr
    assert bench.good(done.stdout) != bench.good(plain)
    (path,) = bench.session_files
    assert record.load(path.read_bytes()) is None
    after = bench.run("example-role", "--credential-process").stdout
    assert bench.good(after) != bench.good(done.stdout)


@pytest.mark.slow
def test_many_who_make_the_key_together_agree_on_one(bench: Bench) -> None:
    """Ten roles at once, and no key yet: afterwards each finds its session."""
    roles = [bench.aws.add_role(f"role-{number}", trust=bench.bob).arn for number in range(4)]
    each = "\n".join(f"assume {arn} --credential-process &" for arn in roles)
    again = "\n".join(f"assume {arn} --credential-process" for arn in roles)
    done = with_keyring(bench, f"{each}\nwait\n{again}\n")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 8
    assert sorted(lines[:4]) == sorted(lines[4:])
    assert len(bench.aws.calls("AssumeRole")) == 4


def without(bench: Bench, *modules: str) -> dict[str, str]:
    """Return the variables of a Python in which these modules can't be imported."""
    place = bench.tmp_path / "without"
    place.mkdir(exist_ok=True)
    for module in modules:
        text = f'raise ModuleNotFoundError("no {module}", name="{module}")\n'
        (place / f"{module}.py").write_text(text)
    return {"PYTHONPATH": str(place)}


@pytest.mark.parametrize(
    "environ, said",
    [
        pytest.param({"AWSASSUME_STORE": "vault"}, "'vault' is no store", id="another store"),
        pytest.param({**STORE, "missing": "keyring"}, "needs the Python package keyring", id="no keyring package"),
        pytest.param({**STORE, "missing": "cryptography"}, "needs the Python package crypt", id="no cryptography"),
        pytest.param({**STORE, BACKEND: "keyring.backends.fail.Keyring"}, "no keyring here", id="no backend"),
        pytest.param({**STORE, BACKEND: "keyring.backends.null.Keyring"}, "no keyring here", id="no store"),
        pytest.param({**STORE, BACKEND: "no.such.Backend"}, "the keyring can't be used", id="one that is not there"),
        pytest.param({**STORE, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}, "no keyring here", id="no session bus"),
    ],
)  # fmt: skip
def test_without_a_keyring_it_is_an_error_and_nothing_is_kept(
    bench: Bench, run_module: list[str], environ: dict[str, str], said: str
) -> None:
    """Exit code 3, before AWS is asked for anything, and no plain file."""
    missing = environ.pop("missing", None)
    more = {**environ, **(without(bench, missing) if missing else {})}
    done = subprocess.run(
        [*run_module, "example-role", "--format", "env"],
        check=False,
        capture_output=True,
        text=True,
        env={**bench.environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent", **more},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout == "false;\n"
    assert said in done.stderr
    assert len(bench.aws.calls("AssumeRole")) == 0
    assert not (bench.cache / "sessions").exists() or bench.session_files == []


@pytest.fixture
def run_module() -> list[str]:
    """Return what starts awsassume with PYTHONPATH in force."""
    return [sys.executable, "-m", "awsassume"]


def test_an_unknown_store_stops_even_a_fresh_session(bench: Bench) -> None:
    """Whoever asks for another store than files must not be answered from a file."""
    bench.take()
    result = bench.run(
        "example-role", "--credential-process", environ={"AWSASSUME_STORE": "vault"}, code=3
    )
    assert result.stdout == ""


class _Key(sealed.Seal):
    """A seal whose key is at hand."""

    def __init__(self, cache: Path) -> None:
        super().__init__("keyring", str(cache))
        self._key = os.urandom(32)


def test_what_was_sealed_opens_under_its_own_name_alone(tmp_path: Path) -> None:
    """Damaged, cut, plain, of another session or of another key: it is a miss."""
    seal = _Key(tmp_path)
    box = seal.close("one", b"data")
    assert seal.open("one", box) == b"data"
    assert seal.close("one", b"data") != box
    for bad in (box[:-1], box[:25], box + b"x", b"", b"data", box[:-1] + bytes([box[-1] ^ 1])):
        assert seal.open("one", bad) is None
    assert seal.open("two", box) is None
    assert _Key(tmp_path).open("one", box) is None


def test_the_cache_reads_and_writes_sealed_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same two functions as plain ones."""
    monkeypatch.setattr(record, "seal", _Key(tmp_path))
    cache = str(tmp_path / "cache")
    credentials = Credentials("ASIA1", "secret", "token", 4_000_000_000)
    sessions.write(cache, "one", sessions.Session(credentials, 3_999_999_000, {}))
    found = sessions.read(cache, "one")
    assert found is not None
    assert found.credentials.secret_access_key == "secret"
    assert b"secret" not in (tmp_path / "cache" / "sessions" / "one").read_bytes()
    monkeypatch.setattr(record, "seal", sealed.Seal("vault", cache))
    with pytest.raises(ConfigurationFailure):
        sessions.read(cache, "one")
