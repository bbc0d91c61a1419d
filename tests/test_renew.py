"""A renewal renews: what the words mean now is held against what the shell holds, and the shell stays as it is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, on_path, write
from tests.fake_aws.clients import FIELDS, client
from tests.shimming import SHELLS, Place, dump

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

    Run = Callable[..., Result]

OTHER = "210987654321"
KEPT = 'env | sort > before; eval "$(awsassume --renew --refresh)"; echo $?; env | sort > after'


def renewed(run: Run, program: str, words: str, change: str, place: Path) -> tuple[str, str, bool]:
    """Take a role, change something, renew: return the status, what was said, and whether the shell stayed as it was."""
    script = f'eval "$(awsassume {words})" || exit 9\n{change}\n{KEPT}'
    done = run("-c", script, argv=("bash",), environ=on_path(program, os.environ), cwd=place)
    same = (place / "before").read_text() == (place / "after").read_text()
    return done.stdout.strip(), done.stderr, same


@pytest.fixture
def two(aws: FakeAws, bob: Keys, home: Path) -> dict[str, str]:
    """Return Python code that makes each change: what the same words mean is another role or user behind it."""
    eve = aws.add_user("Eve", account=OTHER)
    aws.add_role("example-role", account=OTHER)
    aws.add_role("second-role")
    config = home / ".aws/config"
    write(
        home,
        config.read_text() + f"[profile given]\ncredential_process = cat {home}/given.json\n"
        f"[profile eve]\n{lines_of(eve)}",
        f"[default]\n{lines_of(bob)}",
    )
    arn = f"arn:aws:iam::{aws.account}:role/example-role"
    other = home / "other"
    other.write_text(
        f"[profile example]\nrole_arn = arn:aws:iam::{aws.account}:role/second-role\n"
        "source_profile = default\n"
    )
    for name, user in {"bob": bob, "eve": eve}.items():
        session = {"Version": 1, "Expiration": "2099-01-01T00:00:00Z", **_session(aws, user)}
        (home / f"{name}.json").write_text(json.dumps(session))
    (home / "given.json").write_text((home / "bob.json").read_text())
    (home / "keys-of-name").write_text(f"[profile example-role]\n{lines_of(eve)}")
    (home / "new").write_text(f"[default]\n{lines_of(aws.add_key(bob))}")
    keys = home / "keys"
    keys.write_text(f"[default]\n{lines_of(eve)}")
    return {
        "another config file": f"export AWS_CONFIG_FILE={other}",
        "role_arn edited": f"sed -i 's|{arn}|{arn.replace('example', 'second')}|' {config}",
        "role_arn of another account": f"sed -i 's|{aws.account}|{OTHER}|' {config}",
        "a profile of the name": (
            f"printf '[profile example-role]\\nrole_arn = {arn.replace('example', 'second')}\\n"
            f"source_profile = default\\n' >> {config}"
        ),
        "a profile of the name with keys": f"cat {home}/keys-of-name >> {config}",
        "another default": f"cp {keys} {home}/.aws/credentials",
        "another credentials file": f"export AWS_SHARED_CREDENTIALS_FILE={keys}",
        "a new key": f"cp {home}/new {home}/.aws/credentials",
        "another answer": f"cp {home}/eve.json {home}/given.json",
        "another process": f"sed -i 's|given.json|eve.json|' {config}",
    }


def _session(aws: FakeAws, keys: Keys) -> dict[str, str]:
    answer = client(aws, keys).get_session_token()["Credentials"]
    return {name: answer[name] for name in FIELDS}


@pytest.mark.parametrize(
    "words, change",
    [
        ("example", "another config file"),
        ("example --session-name carol", "role_arn edited"),
        ("example", "role_arn of another account"),
        ("example-role", "a profile of the name"),
        ("example-role", "a profile of the name with keys"),
        ("example-role", "another default"),
        ("example-role", "another credentials file"),
        ("given", "another answer"),
        ("given", "another process"),
    ],
)
def test_a_name_that_means_another_is_not_renewed(
    two: dict[str, str], run: Run, program: str, tmp_path: Path, words: str, change: str
) -> None:
    """One line names both, the status is no success, and no variable changes."""
    code, said, same = renewed(run, program, words, two[change], tmp_path)
    assert (code, same) == ("1", True)
    assert said.startswith("awsassume: ")
    assert said.count("\n") == 1
    assert "not renewed; run: awsassume" in said
    assert (
        f"awsassume {words}\n".replace(
            "example --session-name carol", "--session-name carol example"
        )
        in said
    )


@pytest.mark.parametrize(
    "words, change",
    [
        ("example", "a new key"),
        ("arn:aws:iam::123456789012:role/example-role", "role_arn edited"),
        ("given", "role_arn edited"),
    ],
)
def test_what_still_means_the_same_is_renewed(
    two: dict[str, str], run: Run, program: str, tmp_path: Path, words: str, change: str
) -> None:
    """Another source of the same role is found anew, and what concerns others changes nothing."""
    code, said, _ = renewed(run, program, words, two[change], tmp_path)
    assert (code, said) == ("0", "")


def test_a_process_that_gives_another_session_of_the_same_user_is_renewed(
    aws: FakeAws, two: dict[str, str], bob: Keys, run: Run, program: str, home: Path, tmp_path: Path
) -> None:
    """Its keys are others each time; who AWS says they are is not."""
    del two
    session = {"Version": 1, "Expiration": "2099-01-01T00:00:00Z", **_session(aws, bob)}
    (home / "again.json").write_text(json.dumps(session))
    change = f"cp {home}/again.json {home}/given.json"
    assert renewed(run, program, "given", change, tmp_path) == ("0", "", False)


def test_the_fast_way_compares_too(
    two: dict[str, str], run: Run, program: str, home: Path, tmp_path: Path
) -> None:
    """Both meanings are remembered and both sessions are fresh: it is no renewal all the same."""
    other = two["another config file"]
    code, said, same = renewed(
        run,
        program,
        "example",
        f"{other}; awsassume example --credential-process >one; awsassume example --credential-process >two",
        tmp_path,
    )
    assert (code, same) == ("1", True)
    assert "means arn:aws:iam::123456789012:role/second-role" in said
    assert (home.parent / "one").read_text() == (home.parent / "two").read_text()


@pytest.mark.parametrize("kept", ["example", "&example", "arn:x&%zz", "arn:x&"])
def test_what_awsassume_did_not_write_renews_nothing(
    bob: Keys, run: Run, program: str, tmp_path: Path, kept: str
) -> None:
    """Words without what they meant can't be held against anything."""
    del bob
    code, said, same = renewed(
        run, program, "example", f"export AWSASSUME_RENEW='{kept}'", tmp_path
    )
    assert (code, same) == ("1", True)
    assert said.endswith("\n  run: awsassume ROLE\n")


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_the_prompt_keeps_what_the_shell_holds_and_says_it_once(
    aws: FakeAws, tmp_path: Path, shell: str
) -> None:
    """The config is another (direnv): the hook says that the name means another role, once."""
    place = Place.make(aws, tmp_path / "bob")
    config = (place.home / ".aws/config").read_text()
    (place.home / "other").write_text(config.replace("role/example-role", "role/other-role"))
    put = "set -gx" if shell == "fish" else "export"
    eq = " " if shell == "fish" else "="
    past = "(command date +%s)" if shell == "fish" else '"$(command date +%s)"'
    script = [
        "awsassume example",
        f"{put} AWS_CONFIG_FILE{eq}{place.home}/other",
        f"{put} AWSASSUME_EXPIRATION{eq}{past}",
        dump("before"),
        "__awsassume_hook",
        "__awsassume_hook",
        dump("after"),
    ]
    done = place.run(shell, "\n".join(script))
    assert place.dumped("before") == place.dumped("after")
    assert done.stderr.count("\n") == 1
    assert "now means arn:aws:iam::123456789012:role/other-role" in done.stderr
    assert len(aws.calls("AssumeRole")) == 1
