"""No file of ours holds a secret that was typed, exported or written in a config; and what needs one still has it."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from awsassume import environment, process, recall
from tests.aws_files import lines_of, write
from tests.bench import COMMAND, Bench, bench
from tests.test_fast import BUILT_IN, OS, OURS, imported

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

__all__ = ["bench"]

SECRET = "hunter2"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [], "Id": SECRET})


def found(place: Path, secret: str = SECRET) -> list[str]:
    """Return the files below a place whose name or content holds a secret, as text or as a number."""
    data = secret.encode()
    return [
        str(path)
        for path in place.rglob("*")
        for text in (path.name.encode(), path.read_bytes() if path.is_file() else b"")
        if data in text
        or data.hex().encode() in text
        or environment.encode(secret).encode() in text
    ]


LINES: dict[str, list[str]] = {
    "COMMAND": ["example-role", "--", "true", "--password", SECRET],
    "COMMAND behind --": ["example-role", "--", "true", "--", SECRET],
    "an external id": ["example-role", "--external-id", SECRET],
    "an external id behind =": ["example-role", f"--external-id={SECRET}"],
    "a policy": ["example-role", "--policy", POLICY],
    "a policy behind a blank": ["example-role", "--policy", " " + POLICY],
    "a tag": ["example-role", "--tag", f"password={SECRET}"],
    "a transitive tag": [
        "example-role", "--tag", f"{SECRET}=x", "--tag", "y=z", "--transitive-tag", SECRET,
    ],
    "a tag and COMMAND": ["example-role", "--tag", f"a={SECRET}", "--", "true", SECRET],
    "a chain": ["example-role", "--chain"],
}  # fmt: skip
VARIABLES = {
    "AWS_VAULT_FILE_PASSPHRASE": SECRET,
    "AWS_SECRET_ACCESS_KEY_PROD": SECRET,
    "AWS_PASSWORD": SECRET,
    "AWS_SERVICE_TOKEN": SECRET,
    "AWS_BEARER_TOKEN_BEDROCK": SECRET,
    "AWSASSUME_SERVED": f"http://127.0.0.1:1&&AWS_SECRET_ACCESS_KEY={SECRET}",
    "MY_PASSWORD": SECRET,
}


@pytest.mark.parametrize("line", LINES)
def test_what_was_typed_or_exported_is_in_no_file(bench: Bench, line: str) -> None:
    """After a first call and a second one, which is answered by what was remembered of the first."""
    first = bench.run(*LINES[line], environ=VARIABLES)
    calls = len(bench.aws.calls())
    kept = sorted(path.name for path in (bench.cache / recall.FOLDER).iterdir())
    assert bench.run(*LINES[line], environ=VARIABLES).stdout == first.stdout
    assert len(bench.aws.calls()) == calls
    assert sorted(path.name for path in (bench.cache / recall.FOLDER).iterdir()) == kept
    assert any("." not in name for name in kept)
    assert found(bench.cache) == []


@pytest.mark.parametrize(
    "words",
    [["--external-id", ""], [f"--external-id={SECRET}"], ["--policy", POLICY], ["--tag", f"a b={SECRET} /@"]],
    ids=["an empty text", "an external id", "a policy", "a tag"],
)  # fmt: skip
def test_a_renewal_has_what_is_not_written_down(bench: Bench, words: list[str]) -> None:
    """The words for --renew are the same by the fast way and the slow; where nothing is typed, nothing is."""
    if words[-1] == "":
        words = []
    line = [*COMMAND, "example-role", *words]
    slow = bench.run("example-role", *words).stdout
    with pytest.MonkeyPatch.context() as patch:
        for name, value in bench.environ.items():
            patch.setenv(name, value)
        assert imported(*line[1:]) == OURS | BUILT_IN | OS
    fast = bench.run("example-role", *words).stdout
    renew = re.compile(r"AWSASSUME_RENEW='([^']*)'")
    (one,), (other,) = renew.findall(slow), renew.findall(fast)
    assert one == other
    said = [environment.decode(word) for word in one.partition("&")[2].split(" ")]
    assert said[-1] == "example-role"
    assert (SECRET in "".join(said)) == bool(words)


def test_a_session_gone_stale_is_had_again_with_all_that_was_typed(bench: Bench) -> None:
    """The policy and the external id go with the second call as with the first, though nobody wrote them down."""
    words = ["example-role", "--policy", POLICY, "--external-id", SECRET, "--credential-process"]
    bench.run(*words)
    bench.age(3600)
    bench.run(*words)
    one, other = bench.aws.calls("AssumeRole")
    for name in ("Policy", "ExternalId", "RoleArn"):
        assert one.parameters[name] == other.parameters[name]
        assert SECRET in one.parameters[name] or name == "RoleArn"


def test_command_is_taken_from_the_words_at_hand(bench: Bench) -> None:
    """Another COMMAND is answered from what was remembered, and is the one that runs, with every word as it stands."""
    bench.run("example-role", "--", "true")
    kept = sorted((bench.cache / recall.FOLDER).iterdir())
    calls = len(bench.aws.calls())
    script = 'printf "%s|" "$@"'
    odd = ["", "--", "-x", "a b", "--profile=none", "'"]
    said = bench.run("example-role", "--", "sh", "-c", script, "sh", *odd).stdout
    assert said == "|".join(odd) + "|"
    assert sorted((bench.cache / recall.FOLDER).iterdir()) == kept
    assert len(bench.aws.calls()) == calls
    assert "no COMMAND" in bench.run("example-role", "--", code=2).stderr
    assert "export AWS_ACCESS_KEY_ID=" in bench.run("example-role").stdout


@pytest.mark.parametrize("place", ["config", "credentials"])
def test_a_process_s_line_is_in_no_file(
    aws: FakeAws, home: Path, run: Callable[..., Result], tmp_path: Path, place: str
) -> None:
    """It is read where it stands, the fast way too, and run once each time; what it is given to print is nobody's file."""
    keys = aws.add_user("Eve")
    aws.add_role("of-eve", trust=keys)
    asked = tmp_path / "asked"
    printed = {
        "Version": 1,
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
    }
    (tmp_path / "printed.json").write_text(json.dumps(printed))
    script = f"echo x >>{asked}; cat {tmp_path}/printed.json"
    line = f"credential_process = sh -c '{script}' --password {SECRET}\n"
    role = "[profile x]\nrole_arn = arn:aws:iam::123456789012:role/of-eve\nsource_profile = given\n"
    if place == "config":
        write(home, f"{role}[profile given]\n{line}")
    else:
        write(home, role, f"[given]\n{line}")
    environ = aws.environ()
    first = run("x", "--credential-process", environ=environ).stdout
    (count,) = {len(asked.read_text().split())}
    assert run("x", "--credential-process", environ=environ).stdout == first
    assert len(asked.read_text().split()) == count + 1
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        assert "botocore" not in imported("-m", "awsassume", "x", "--credential-process")
    assert found(tmp_path / "cache") == []
    assert len(aws.calls("AssumeRole")) == 1


def test_a_process_s_line_that_moved_is_not_run(tmp_path: Path) -> None:
    """An edit between the look at the file's times and the reading: no part of another line is taken for it."""
    file = tmp_path / "config"
    file.write_text("[profile x]\ncredential_process = cat a\n")
    place = process.located("x", "cat a", [str(tmp_path / "none"), str(file)])
    assert place
    assert process._words(place) == ("x", ["cat", "a"])
    for text in ("[profile x]\ncredential_process = rm -rf a\n", "", "x" * 100):
        file.write_text(text)
        with pytest.raises(ValueError, match="no longer"):
            process._words(place)
    assert process.located("x", "cat a", [str(file)]) == ""


def test_an_endpoint_s_password_is_in_no_file(
    bob: Keys, home: Path, run: Callable[..., Result], tmp_path: Path
) -> None:
    """Where a profile names it, and where the environment does."""
    url = os.environ["AWS_ENDPOINT_URL"].replace("http://", f"http://user:{SECRET}@")
    role = "arn:aws:iam::123456789012:role/example-role"
    text = (
        f"[default]\nregion = us-east-1\n[profile x]\nrole_arn = {role}\nsource_profile = default\n"
    )
    write(home, f"{text}endpoint_url = {url}\n", f"[default]\n{lines_of(bob)}")
    for environ in ({"AWS_ENDPOINT_URL": None}, {"AWS_ENDPOINT_URL": url}):
        run("x", environ=environ, code=None)
        run(role, environ=environ, code=None)
    assert found(tmp_path / "cache") == []


def test_a_use_that_can_t_be_written_down_is_not_offered_again(bench: Bench) -> None:
    """Without its policy it would be another session, with more rights than the one that was used."""
    bench.run("example-role", "--policy", POLICY)
    assert not (bench.cache / "recent").exists()
    bench.run("example-role", "--region", "eu-west-1")
    assert len(list((bench.cache / "recent").iterdir())) == 1


def test_every_variable_that_botocore_or_we_read_is_looked_at() -> None:
    """One that decides who signs, and is not part of what is remembered, would lead to another's session."""
    from pathlib import Path

    import botocore

    import awsassume

    # What changes how calls are made, and not for whom.
    other = re.compile(
        "AWS_(CSM|S3|SDK|RETRY|MAX|DATA|EXECUTION|LAMBDA|ENDPOINT_DISCOVERY|DISABLE|REQUEST|RESPONSE"
        "|SIGV4A|AUTH|METADATA|ACCOUNT_ID_ENDPOINT|BEARER)_?.*"
    )
    names = set[str]()
    for path in Path(botocore.__file__).parent.glob("*.py"):
        names.update(re.findall(r"""['"](AWS_[A-Z0-9_]+)['"]""", path.read_text(encoding="utf-8")))
    assert "AWS_PROFILE" in names
    known = recall.DECIDING | recall.SECRETS | {"AWS_ENDPOINT_URL"}
    assert {name for name in names if not other.fullmatch(name)} <= known
    ours = set[str]()
    for path in Path(awsassume.__file__).parent.glob("*.py"):
        ours.update(re.findall(r"""['"](AWSASSUME_[A-Z_]+)['"]""", path.read_text()))
    # What says how to print or prompt, or remembers what there was before.
    passing = {
        *environment.OURS,
        *("AWSASSUME_SHELL", "AWSASSUME_SHIM_FD", "AWSASSUME_DEBUG", "AWSASSUME_AUTO_RENEW"),
        *("AWSASSUME_TOKEN_CODE", "AWSASSUME_SERVED", "AWSASSUME_SUBSHELL"),
        # Taken out before anything is looked at.
        *("AWSASSUME_PREFIXED", "AWSASSUME_HELD_"),
    }
    assert ours - passing <= recall.DECIDING
    assert ours - passing


def test_a_digest_tells_lists_of_words_apart() -> None:
    """However they are cut, and whichever of two variables holds them; and none is the text of what it is of."""
    marks = [
        recall.fingerprint(argv, environ)
        for argv in (["ab"], ["a", "b"], ["ab", ""], ["b", "a"], ["ab", "--"], ["ab", "--", "c"])
        for environ in (
            {},
            {"AWS_PROFILE": ""},
            {"AWS_PROFILE": "x"},
            {"AWS_REGION": "x"},
            {"AWS_REGION": "x", "AWS_PROFILE": "x"},
            {"HOME": "/x"},
        )
    ]
    assert len(set(marks)) == len(marks)
    assert {len(mark) for mark in marks} == {40}
    # COMMAND and what is nobody's business here change nothing.
    assert recall.fingerprint(["ab", "--", "c"], {}) == recall.fingerprint(
        ["ab", "--", "d", "e"], {}
    )
    assert recall.fingerprint(["ab"], {"AWS_VAULT_X": "1"}) == recall.fingerprint(["ab"], {})
