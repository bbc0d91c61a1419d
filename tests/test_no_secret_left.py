"""After every mode, a search for each secret finds it where the README says, and nowhere else.

In every file below the home, the cache and the folder of temporary files, on every stream, and in what every process was
started with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of
from tests.bench import COMMAND
from tests.conftest import need
from tests.searching import Started, found_below, found_in, secrets_of, started, tracing
from tests.test_login import CONFIG
from tests.test_sealed import IN_A_SESSION
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.fake_aws.aws import FakeAws

pytestmark = pytest.mark.slow
BROWSER = """\
#!{python} -IS
import sys, urllib.request
urllib.request.urlopen(sys.argv[1]).read()
"""
WORD = "hunter2-of-the-command"
OTHERS = {
    WORD: "COMMAND's password",
    "swordfish-of-a-vault": "AWS_VAULT_FILE_PASSPHRASE",
    "swordfish-of-production": "AWS_SECRET_ACCESS_KEY_PROD",
    "swordfish-on-stderr": "what another program says",
    "135790": "MFA code",
}
ROLE = "arn:aws:sts::123456789012:assumed-role/example-role/"


class Ended:
    """What a run left behind, but for the files."""

    def __init__(self, done: subprocess.CompletedProcess[str], started: list[Started]) -> None:
        self.code = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr
        self.started = started


class World:
    """A home with every kind of source in it, a cache, and a folder of temporary files."""

    def __init__(self, aws: FakeAws, home: Path, tmp_path: Path) -> None:
        """Write the files, and let Bob and a process be sources."""
        self.aws = aws
        self.place = tmp_path / "place"
        self.logs = tmp_path / "logs"
        self.home = self.place / "home"
        for folder in (self.logs, self.place, self.place / "tmp", self.place / "run"):
            folder.mkdir(mode=0o700)
        home.rename(self.home)
        self.bob = aws.add_user("Bob", allow=["*"])
        self.eve = aws.add_user("Eve", allow=["*"])
        role = aws.add_role("example-role", trust="*")
        device = aws.add_mfa(self.bob, codes=["135790"])
        aws.sso.interval = 0
        aws.sso.add_role("Developer")
        # A program of the user's; what it gives stands in no file but its own.
        self.given = tmp_path / "given"
        keys = {
            "Version": 1,
            "AccessKeyId": self.eve.access_key_id,
            "SecretAccessKey": self.eve.secret_access_key,
        }
        self.given.write_text(json.dumps(keys))
        failing = tmp_path / "failing"
        failing.write_text("#!/bin/sh\necho swordfish-on-stderr >&2\nexit 3\n")
        browser = tmp_path / "browser"
        browser.write_text(BROWSER.format(python=sys.executable))
        for script in (failing, browser):
            script.chmod(0o755)
        (self.home / ".aws/credentials").write_text(f"[default]\n{lines_of(self.bob)}")
        role_lines = f"role_arn = {role.arn}\nregion = eu-west-1\n"
        (self.home / ".aws/config").write_text(
            f"[profile example]\n{role_lines}source_profile = default\n"
            f"[profile guarded]\n{role_lines}source_profile = default\nmfa_serial = {device.serial}\n"
            f"[profile eve]\ncredential_process = cat {self.given}\n"
            f"[profile by-process]\n{role_lines}source_profile = eve\n"
            f"[profile broken]\ncredential_process = {failing}\n"
            f"[profile by-broken]\n{role_lines}source_profile = broken\n"
            f"[profile by-sso]\n{role_lines}source_profile = dev\n"
            f"[profile by-environment]\n{role_lines}credential_source = Environment\n{CONFIG}"
        )
        self.environ = {
            **os.environ,
            **aws.environ(),
            "HOME": str(self.home),
            "TMPDIR": str(self.place / "tmp"),
            "XDG_RUNTIME_DIR": str(self.place / "run"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "AWS_CONFIG_FILE": str(self.home / ".aws/config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.home / ".aws/credentials"),
            "AWSASSUME_CACHE_DIR": str(self.place),
            "BROWSER": str(browser),
            "AWS_VAULT_FILE_PASSPHRASE": "swordfish-of-a-vault",
            "AWS_SECRET_ACCESS_KEY_PROD": "swordfish-of-production",
            "AWSASSUME_DEBUG": "1",
        }

    @property
    def secrets(self) -> dict[str, str]:
        """What to search for."""
        return {**secrets_of(self.aws), **OTHERS}

    def run(
        self, *words: str, code: int | None = 0, environ: Mapping[str, str] | None = None
    ) -> Ended:
        """Run awsassume; everything that was started below it is known afterwards."""
        log = self.logs / str(len(list(self.logs.iterdir())))
        done = subprocess.run(
            [*tracing(log), *COMMAND, *words],
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=BOUND,
        )
        assert code is None or done.returncode == code, done.stderr
        return Ended(done, started(log))

    def check_files(self, *, sealed: bool = False) -> None:
        """Search everything below the home, the cache and the folder of temporary files."""
        kept = found_below(self.place, self.secrets)
        for name, found in kept.items():
            known = {secret for secret in found if self.may_be_in(name, secret, sealed=sealed)}
            assert found == known, f"{name} holds {sorted(found - known)}"

    def may_be_in(self, name: str, secret: str, *, sealed: bool) -> bool:
        """Tell what the README says."""
        if name == "home/.aws/credentials":
            return "user/Bob (long-term)" in secret
        if name.startswith("home/.aws/sso/cache/"):
            return secret.startswith("SSO ")
        folder, _, file = name.rpartition("/")
        return (
            folder == "awsassume/sessions"
            and "." not in file
            and not sealed
            and "(temporary)" in secret
        )


@pytest.fixture
def world(aws: FakeAws, home: Path, tmp_path: Path) -> World:
    """Give the world."""
    return World(aws, home, tmp_path)


def ours(ended: Ended, world: World) -> None:
    """Search what a run said and started, for all that none may hold: the words and what others said, and who is a source."""
    secrets = world.secrets
    # It is looked where there is something to find.
    assert "AWS_VAULT_FILE_PASSPHRASE" in found_in("\0".join(ended.started[0].environ), secrets)
    assert found_in(ended.stderr, secrets) <= {"what another program says"}
    for process in ended.started[1:]:
        is_command = WORD in process.argv
        of_words = found_in("\0".join(process.argv), secrets)
        assert of_words <= ({"COMMAND's password"} if is_command else set()), process.argv


def of_role(names: set[str]) -> bool:
    """Tell whether all of these are the role's."""
    return all(ROLE in name for name in names)


def around(ended: Ended, world: World) -> set[str]:
    """Return the secrets in the environments of what was started, but those that the user has put there."""
    names: set[str] = set()
    for process in ended.started[1:]:
        names |= found_in("\0".join(process.environ), world.secrets)
    return names - {"AWS_VAULT_FILE_PASSPHRASE", "AWS_SECRET_ACCESS_KEY_PROD"}


PRINTING = {
    "export": ["example", "--format", "env"],
    "fish": ["example", "--format", "fish"],
    "credential_process": ["example", "--credential-process"],
    "by a process": ["by-process", "--format", "env"],
    "verbose": ["example", "--refresh", "--verbose", "--format", "env"],
    "not kept": ["example", "--no-cache", "--format", "env"],
    "a name": ["example-role", "--format", "env"],
    "with a policy": ["example", "--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--format", "env"],
}  # fmt: skip


@pytest.mark.parametrize("mode", PRINTING)
def test_credentials_are_on_standard_output_and_in_a_session(world: World, mode: str) -> None:
    """The role's, and nobody else's; the second time as the first."""
    for _ in range(2):
        ended = world.run(*PRINTING[mode])
        ours(ended, world)
        on_stdout = found_in(ended.stdout, world.secrets)
        assert on_stdout
        assert of_role(on_stdout), on_stdout
        assert around(ended, world) == set()
        world.check_files()


SILENT = {
    "whoami": ["--whoami", "example"],
    "list": ["--list"],
    "explain": ["example", "--explain"],
    "print-profile": ["--print-profile", "example"],
    "complete": ["--complete", "bash", "--", ""],
    "purge": ["--purge"],
    "login without a browser": ["--login", "dev", "--no-open"],
    "version": ["--version"],
}


@pytest.mark.parametrize("mode", SILENT)
def test_what_prints_no_credentials_prints_no_secret(world: World, mode: str) -> None:
    """Nor leaves one."""
    world.run("example", "--format", "env")
    ended = world.run(*SILENT[mode], code=None)
    ours(ended, world)
    assert found_in(ended.stdout, world.secrets) == set()
    assert around(ended, world) == set()
    world.check_files()


@pytest.mark.parametrize("profile", ["example", "by-process", "by-environment"])
def test_a_command_has_the_role_in_its_environment_and_no_other_secret(
    world: World, profile: str
) -> None:
    """Its words are its own, and are written down nowhere."""
    given = dict(world.bob.environ) if profile == "by-environment" else {}
    for words in ([profile], [profile], [profile, "--refresh"]):
        ended = world.run(*words, "--", "true", "--password", WORD, environ=given)
        ours(ended, world)
        assert ended.stdout == ""
        (command,) = (process for process in ended.started[1:] if WORD in process.argv)
        names = found_in("\0".join(command.environ), world.secrets)
        assert of_role(names - {"AWS_VAULT_FILE_PASSPHRASE", "AWS_SECRET_ACCESS_KEY_PROD"}), names
        world.check_files()


@pytest.mark.parametrize("words", [[], ["--chain"]], ids=["", "chain"])
def test_a_served_command_has_no_secret_but_the_way_to_the_role(
    world: World, words: list[str]
) -> None:
    """No keys at all are in its environment, and what is copied for it holds none."""
    given = dict(world.bob.environ) if words else {}
    profile = "by-environment" if words else "example"
    look = 'exec "$0" -c "$1" "$2"'
    ended = world.run(
        "--serve",
        *words,
        profile,
        "--",
        "sh",
        "-c",
        look,
        sys.executable,
        LOOK,
        WORD,
        environ=given,
    )
    ours(ended, world)
    for process in ended.started[1:]:
        if WORD in process.argv:
            names = found_in("\0".join(process.environ), world.secrets)
            assert names <= {"AWS_VAULT_FILE_PASSPHRASE", "AWS_SECRET_ACCESS_KEY_PROD"}
    assert "ASIA" in ended.stdout
    assert found_in(ended.stdout, world.secrets) == set()
    world.check_files()


LOOK = """
import json, os, urllib.request
ask = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
ask.add_header("Authorization", os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
print(json.load(urllib.request.urlopen(ask))["AccessKeyId"])
"""


def test_a_console_s_link_is_on_no_command_line(world: World) -> None:
    """The browser is sent on by a page; with --no-open the link is what was asked for."""
    ended = world.run("--console", "example")
    ours(ended, world)
    assert len(ended.started) > 1
    assert found_in(ended.stdout, world.secrets) == set()
    assert around(ended, world) == set()
    ended = world.run("--console", "example", "--no-open")
    ours(ended, world)
    assert found_in(ended.stdout, world.secrets) == {"sign-in token"}
    world.check_files()


def test_a_login_leaves_its_token_where_sdks_look_for_it(world: World) -> None:
    """And there alone; the role behind it is a session, and so is its source."""
    ended = world.run("--login", "dev")
    ours(ended, world)
    assert len(ended.started) > 1
    assert found_in(ended.stdout, world.secrets) == set()
    assert around(ended, world) == set()
    assert list((world.home / ".aws/sso/cache").iterdir())
    ended = world.run("by-sso", "--format", "env")
    assert of_role(found_in(ended.stdout, world.secrets))
    ours(ended, world)
    world.check_files()


def test_an_mfa_code_is_nowhere(world: World) -> None:
    """Right or wrong."""
    for code, known in (("135790", 0), ("135790", 0), ("246802", None)):
        ended = world.run(
            "guarded",
            "--refresh",
            "--format",
            "env",
            code=known,
            environ={"AWSASSUME_TOKEN_CODE": code},
        )
        ours(ended, world)
        assert "MFA code" not in found_in(ended.stdout + ended.stderr, world.secrets)
        world.check_files()
    given = {"AWSASSUME_TOKEN_CODE": "135790"}
    for words in (["guarded"], ["--serve", "guarded"]):
        ended = world.run(*words, "--", "true", WORD, environ=given)
        ours(ended, world)
        for process in ended.started[1:]:
            assert "MFA code" not in found_in("\0".join(process.environ), world.secrets)
    ended = world.run("guarded", "--token-code", "135790", "--format", "env")
    assert "MFA code" not in found_in(ended.stdout + ended.stderr, world.secrets)
    world.check_files()


def test_with_a_keyring_no_secret_is_in_any_file(world: World) -> None:
    """What the README calls sealed is: sessions of the role, and of a source that is a process."""
    need("gnome-keyring-daemon")
    command = " ".join(COMMAND)
    each = "\n".join(
        f"{command} {profile} --format process" for profile in ("example", "by-process")
    )
    script = f"set -e\n{each}\n{each}\n{command} example -- true --password {WORD}\n"
    line = [need("dbus-run-session"), "--", "sh", "-c", IN_A_SESSION, "sh", "sh", "-c", script]
    done = subprocess.run(
        line,
        env={**world.environ, "AWSASSUME_STORE": "keyring"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND,
    )
    assert done.returncode == 0, done.stderr
    assert of_role(found_in(done.stdout, world.secrets))
    assert len(list((world.place / "awsassume/sessions").glob("*[0-9a-f]"))) >= 2
    world.check_files(sealed=True)


FAILING = {
    "refused": (["denied", "--format", "env"], ""),
    "a broken process": (["by-broken", "--format", "env"], ""),
    "a nameless role": (["no-such-role", "--", "true", "--password", WORD], ""),
    "an unknown option": (["example", "--no-such-option", "--", "true", WORD], ""),
    "an answer that is no credentials": (
        ["example", "--refresh", "--format", "env"],
        "wrong-types",
    ),
    "an answer that breaks off": (["example", "--refresh", "--format", "env"], "drop-midway"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_failure_leaves_no_secret(world: World, kind: str) -> None:
    """Not of the source, nor what another program said or AWS answered, nor a word of COMMAND."""
    world.aws.add_role("denied", trust="arn:aws:iam::123456789012:user/Alice")
    world.run("example", "--format", "env")
    words, fault = FAILING[kind]
    if fault:
        world.aws.fault(fault, "AssumeRole")  # type: ignore[arg-type]
    ended = world.run(*words, code=None)
    assert ended.code != 0
    ours(ended, world)
    assert found_in(ended.stdout, world.secrets) == set()
    world.check_files()


def test_what_a_shell_holds_is_in_its_environment_alone(world: World, tmp_path: Path) -> None:
    """Taken, taken again as another, renewed, cleared: with a secret in each variable that is put aside meanwhile."""
    script = tmp_path / "script"
    command = " ".join(COMMAND)
    script.write_text(
        f'eval "$({command} example)"\neval "$({command} by-process)"\neval "$({command} --renew)"\n'
        f'eval "$({command} --clear)"\ntest "$AWS_SECRET_ACCESS_KEY" = "$WANTED" || exit 9\n'
    )
    log = tmp_path / "log"
    done = subprocess.run(
        [*tracing(log), "bash", str(script)],
        env={**world.environ, **world.eve.environ, "WANTED": world.eve.secret_access_key},
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND,
    )
    assert done.returncode in {0, 9}, done.stderr
    assert (done.stdout, found_in(done.stderr, world.secrets)) == ("", set())
    for process in started(log):
        assert found_in("\0".join(process.argv), world.secrets) == set(), process.argv
    world.check_files()


INIT = {
    "bash": 'eval "$({} --init bash)"',
    "zsh": 'eval "$({} --init zsh)"',
    "fish": "{} --init fish | source",
}
TYPED = (
    "awsassume example",
    "awsassume by-process --region eu-west-2",
    "awsassume --renew",
    f"awsassume example -- true --password {WORD}",
    "AWS_PROFILE=eve awsassume example",
    "awsassume --whoami",
    "awsassume no-such-role",
    "awsassume --clear",
)


@pytest.mark.parametrize("shell", INIT)
def test_the_functions_of_the_shells_start_nothing_with_a_secret_in_its_words(
    world: World, tmp_path: Path, shell: str
) -> None:
    """Everything that is typed at a prompt, with keys of the user's own put aside meanwhile."""
    init = INIT[shell].format(" ".join(COMMAND))
    script = tmp_path / "script"
    script.write_text("\n".join([init, *TYPED]) + "\n")
    log = tmp_path / "log"
    done = subprocess.run(
        [*tracing(log), need(shell), str(script)],
        env={**world.environ, **world.eve.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=BOUND,
    )
    assert "example-role" in done.stdout + done.stderr
    assert found_in(done.stdout + done.stderr, world.secrets) == set()
    processes = started(log)
    assert any(process.argv[0] == "true" for process in processes)
    for process in processes:
        of_words = found_in("\0".join(process.argv), world.secrets)
        assert of_words <= ({"COMMAND's password"} if WORD in process.argv else set()), process.argv
        if process.argv[0] == "true":
            names = found_in("\0".join(process.environ), world.secrets)
            assert of_role(names - {"AWS_VAULT_FILE_PASSPHRASE", "AWS_SECRET_ACCESS_KEY_PROD"})
    world.check_files()
