"""What our users run beside us, or run us under: direnv, docker, GitHub Actions, tmux, sudo, ssh, cron."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.fake_aws.aws import FakeAws
from tests.shimming import Place, dump
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).with_name("awsassume"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path_factory.mktemp("bob"))
        place.environ |= {"PYTHON": sys.executable, "DUMP": str(place.home / "dump.py")}
        yield place


def sh(
    place: Place, *line: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a line in the home."""
    return subprocess.run(
        line,
        env=place.environ if environ is None else environ,
        cwd=place.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )


def held(place: Place) -> dict[str, str]:
    """Return the keys of the session, as an SDK gets them."""
    done = place.run("bash", f"awsassume example; {dump('held')}")
    assert done.returncode == 0, done.stderr
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    seen = place.dumped("held")
    return {name: seen[name] for name in keys}


def test_direnv_takes_the_role_in_a_folder_and_gives_it_back(place: Place) -> None:
    """`.envrc` holds the eval line; leaving the folder restores what there was, without our help."""
    need("direnv")
    project = place.home / "project"
    project.mkdir()
    (project / ".envrc").write_text('eval "$(awsassume example)"\n')
    sh(place, "direnv", "allow", str(project))
    script = (
        "set -eu\n"
        f'{dump("before")}\ncd project\neval "$(direnv export bash 2>/dev/null)"\n{dump("../during")}\n'
        f'cd ..\neval "$(direnv export bash 2>/dev/null)"\n{dump("after")}'
    )
    done = sh(place, "bash", "--norc", "-c", script)
    assert done.returncode == 0, done.stderr
    during, before, after = (place.dumped(name) for name in ("during", "before", "after"))
    assert {name: during[name] for name in held(place)} == held(place)
    assert during["AWSASSUME_ROLE"] == "example"
    assert after == before


def test_direnv_stops_at_a_role_that_cannot_be_had(place: Place) -> None:
    """Under direnv's strict_env a failed eval ends .envrc, and nothing of it is loaded."""
    need("direnv")
    project = place.home / "broken"
    project.mkdir()
    (project / ".envrc").write_text(
        'strict_env\neval "$(awsassume --profile nope x)"\nexport WENT_ON=1\n'
    )
    sh(place, "direnv", "allow", str(project))
    done = sh(place, "direnv", "exec", str(project), "env")
    assert done.returncode != 0
    assert "WENT_ON" not in done.stdout


# As docker reads --env-file: a line a variable, taken as it stands (docker/cli, opts/file.go).
DOCKER = """\
import json, sys
seen = {}
for number, line in enumerate(open(sys.argv[1], encoding="utf-8", newline="\\n")):
    line = line.rstrip("\\n").removesuffix("\\r").lstrip("\\ufeff" if number == 0 else "").lstrip()
    if line and not line.startswith("#"):
        name, equals, value = line.partition("=")
        assert name and not any(c.isspace() for c in name)
        assert equals
        seen[name] = value
json.dump(seen, sys.stdout)
"""

# As the runner reads $GITHUB_ENV: NAME=VALUE, or NAME<<DELIMITER up to that line (actions/runner, FileCommandManager.cs).
GITHUB = """\
import json, sys
seen, lines = {}, iter(open(sys.argv[1], encoding="utf-8", newline="\\n").read().split("\\n"))
for line in lines:
    if not line:
        continue
    equals, here = line.find("="), line.find("<<")
    if equals >= 0 and (here < 0 or equals < here):
        seen[line[:equals]] = line[equals + 1:]
    else:
        name, _, end = line.partition("<<")
        assert name and end, line
        seen[name] = "\\n".join(iter(lambda: next(lines), end))
json.dump(seen, sys.stdout)
"""


def test_docker_reads_the_env_file(place: Place) -> None:
    """`docker run --env-file <(awsassume example --format env-no-export)`, with docker's own rules."""
    (place.home / "docker.py").write_text(DOCKER)
    line = '"$PYTHON" docker.py <(awsassume example --format env-no-export)'
    done = sh(place, "bash", "-c", line)
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    assert {name: seen[name] for name in held(place)} == held(place)
    assert seen["AWS_REGION"] == "eu-west-1"


def test_github_actions_reads_its_env_file(place: Place) -> None:
    """`awsassume example --format env-no-export >> "$GITHUB_ENV"`, with the runner's own rules."""
    (place.home / "github.py").write_text(GITHUB)
    line = (
        'GITHUB_ENV=env.txt; printf "A<<END\\nx\\nEND\\n" > "$GITHUB_ENV"\n'
        'awsassume example --format env-no-export >> "$GITHUB_ENV" && "$PYTHON" github.py env.txt'
    )
    done = sh(place, "sh", "-c", line)
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    assert {name: seen[name] for name in held(place)} == held(place)
    assert seen["A"] == "x"


@pytest.mark.parametrize(
    "line",
    [
        '"$PYTHON" docker.py <(awsassume --profile nope x --format env-no-export)',
        'awsassume --profile nope x --format env-no-export > env.txt; "$PYTHON" docker.py env.txt',
        'awsassume --profile nope x --format env-no-export > env.txt; "$PYTHON" github.py env.txt',
        "env $(awsassume --profile nope x --format env-no-export) true",
        "set -a; . <(awsassume --profile nope x --format env-no-export)",
        "export $(awsassume --profile nope x --format env-no-export)",
    ],
    ids=["docker of a pipe", "docker of a file", "GitHub", "env", "source", "export"],
)
def test_what_reads_an_env_file_refuses_a_failure(place: Place, line: str) -> None:
    """None of them goes on with nothing, as somebody else: the one line is no variable, no command and no word for them."""
    (place.home / "docker.py").write_text(DOCKER)
    (place.home / "github.py").write_text(GITHUB)
    done = sh(place, "bash", "-c", f"{line} && echo WENT ON")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "awsassume: --profile" in done.stderr


def test_a_pane_of_tmux_holds_the_role_and_can_give_it_back(place: Place) -> None:
    """A server started by a shell that is the role hands it on; the shim works in a pane."""
    need("tmux")
    (place.home / "pane.sh").write_text(
        f"{place.sourcing('bash')}\n{dump('inherited')}\nawsassume --clear\n{dump('cleared')}\n"
        f"awsassume 'two words'\n{dump('another')}\n"
    )
    tmux = f"tmux -L {place.home.name} -f /dev/null"
    pane = "bash --norc -i pane.sh"
    script = (
        f"{dump('before')}\nawsassume example\n"
        f"{tmux} new-session -d '{pane}; {tmux} wait-for -S over'\n{tmux} wait-for over\n"
    )
    done = place.run("bash", script)
    subprocess.run(("sh", "-c", f"{tmux} kill-server"), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert place.dumped("inherited")["AWSASSUME_ROLE"] == "example"
    assert place.dumped("another")["AWSASSUME_ROLE"] == "two words"
    aws = [name for name in place.dumped("cleared") if name.startswith(("AWS_", "AWSASSUME_"))]
    assert aws == [
        name for name in place.dumped("before") if name.startswith(("AWS_", "AWSASSUME_"))
    ]


def test_sudo_keeps_the_role_where_it_is_told_to(place: Place) -> None:
    """`sudo -E COMMAND` is the role; plain sudo is not."""
    need("sudo")
    script = f"awsassume example\nsudo -nE {dump('kept')}\nsudo -n {dump('dropped')}"
    done = place.run(
        "bash", script.replace('"$PYTHON"', sys.executable).replace('"$DUMP"', "dump.py")
    )
    if done.returncode and "password" in done.stderr:
        pytest.skip("sudo asks for a password here")
    assert done.returncode == 0, done.stderr
    kept = place.dumped("kept")
    assert {name: kept[name] for name in held(place)} == held(place)
    assert "AWS_ACCESS_KEY_ID" not in place.dumped("dropped")


@pytest.fixture
def guarded(place: Place) -> Iterator[str]:
    """Yield a profile behind MFA."""
    keys = place.aws.add_user("Carol", allow=["sts:AssumeRole"])
    serial = place.aws.add_mfa(keys).serial
    role = place.aws.add_role("guarded-role", trust=keys, mfa=True)
    config, credentials = place.home / ".aws/config", place.home / ".aws/credentials"
    before = config.read_text(), credentials.read_text()
    with config.open("a") as file:
        file.write(
            f"[profile guarded]\nrole_arn = {role.arn}\nsource_profile = carol\nmfa_serial = {serial}\n"
        )
    with credentials.open("a") as file:
        known = place.aws.environ(keys)
        file.write(
            f"[carol]\naws_access_key_id = {known['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {known['AWS_SECRET_ACCESS_KEY']}\n"
        )
    yield "guarded"
    config.write_text(before[0])
    credentials.write_text(before[1])


def test_without_a_terminal_a_code_is_not_waited_for(place: Place, guarded: str) -> None:
    """`ssh host 'awsassume …'` has no terminal: it fails at once, and says what to give."""
    need("setsid")
    done = sh(place, "setsid", "--wait", PROGRAM, guarded, "--credential-process")
    assert done.returncode == 4
    assert done.stdout == ""
    assert "--token-code" in done.stderr
    given = sh(
        place,
        "setsid",
        "--wait",
        PROGRAM,
        guarded,
        "--credential-process",
        "--token-code",
        "123456",
    )
    assert given.returncode == 0, given.stderr


def cron(place: Place) -> dict[str, str]:
    """Return what cron gives a job, and nothing more; the endpoint comes from the config."""
    config = place.home / ".aws/config"
    if "endpoint_url" not in config.read_text():
        text = config.read_text().replace(
            "\n[profile", f"\nendpoint_url = {place.aws.url}\n[profile"
        )
        config.write_text(f"{text}endpoint_url = {place.aws.url}\n")
    return {"HOME": str(place.home), "LOGNAME": "bob", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}


def test_a_job_of_cron_takes_the_role(place: Place) -> None:
    """With cron's few variables and no locale, by its absolute path."""
    environ = cron(place)
    script = f"eval \"$('{PROGRAM}' example)\" && '{sys.executable}' -I -S dump.py cron"
    done = sh(place, "/bin/sh", "-c", script, environ=environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert place.dumped("cron")["AWSASSUME_ROLE"] == "example"


@pytest.mark.parametrize("words", [["example"], ["example", "--credential-process"], ["--clear"]])
def test_an_empty_environment_is_no_reason_for_a_traceback(place: Place, words: list[str]) -> None:
    """Not even HOME: an exit code of ours, and a sentence where it could not be done."""
    done = sh(place, PROGRAM, *words, environ={})
    assert done.returncode in {0, 3, 4, 5}
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
