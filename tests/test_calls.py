"""Every form in which awsassume is called works, or fails with a word: in each shell, with its function and without."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.fake_aws.aws import FakeAws
from tests.shimming import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

# Says who the environment is: the role that took it, or whoever [default] is.
WHO = """\
import os
ours = os.environ.get("AWS_ACCESS_KEY_ID", "").startswith("ASIA")
print(os.environ.get("AWSASSUME_ROLE") if ours else "Bob")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module, with a program `who`: its sessions stay fresh, so that most calls are hits."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path_factory.mktemp("bob"))
        (place.home / "who.py").write_text(WHO)
        who = place.home / "bin/who"
        who.parent.mkdir()
        who.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{place.home}/who.py"\n')
        who.chmod(0o755)
        place.environ["PATH"] = f"{who.parent}:{place.environ['PATH']}"
        yield place


# Form, and what it prints.
EVALS = {
    "eval": ('eval "$(awsassume example)" && who', "example"),
    "clear": ('eval "$(awsassume example)" && eval "$(awsassume --clear)" && who', "Bob"),
    "source": ("source <(awsassume example) && who", "example"),
    "kept": ('code=$(awsassume example) && eval "$code" && who', "example"),
    "twice": ('eval "$(awsassume example)" && eval "$(awsassume other-role)" && who', "other-role"),
    "code after": (
        """eval "$(awsassume example && echo 'export X=1')" && who && echo $X""",
        "example\n1",
    ),
    "command after": ('eval "$(awsassume example; echo who)"', "example"),
    "builtin after": ('eval "$(awsassume example; true)" && who', "example"),
    "prefix": ('eval "$(AWS_PROFILE=default awsassume other-role)" && who', "other-role"),
    "in a function": ('f() { awsassume example; }; eval "$(f)" && who', "example"),
    "in a subshell": ('(eval "$(awsassume example)" && who); who', "example\nBob"),
    "two": ('eval "$(awsassume example; awsassume other-role)" && who', "other-role"),
    "quoted": ("eval \"$(awsassume 'two words')\" && who", "two words"),
    "errexit": ('set -eu; eval "$(awsassume example)"; who', "example"),
    "exit trap": ('trap "echo bye" EXIT; eval "$(awsassume example)" && who', "example\nbye"),
    "debug trap": ('trap /bin/true DEBUG; eval "$(awsassume example)" && who', "example"),
    "waits": ('eval "$(awsassume example; wait)" && who', "example"),
}
INSIDE = {
    "subshell": ("(awsassume example; who); who", "example\nBob"),
    "piped": ("(awsassume example; who) | cat", "example"),
    "logged": ("(awsassume example; who) > log; cat log", "example"),
    "value": ('x=$(awsassume example && who); echo "<$x>"; who', "<example>\nBob"),
    "value of two": (
        'x=$(awsassume other-role; awsassume example && who); echo "<$x>"',
        "<example>",
    ),
    "two values": (
        "echo $(awsassume example && who; awsassume other-role && who)",
        "example other-role",
    ),
    "words of a value": (
        'echo "<$(awsassume example && who && echo "is it")>"',
        "<example\nis it>",
    ),
    "no newline": ("""echo "<$(awsassume example && printf %s "$(who)")>" """, "<example>"),
    "fallback": ('echo "<$(awsassume --profile nope x || echo none)>"', "<none>"),
}
FAILS = {
    "eval": 'eval "$(awsassume --profile nope x)" && echo WENT-ON',
    "usage": 'eval "$(awsassume --nonsense)" && echo WENT-ON',
    "source": "source <(awsassume --profile nope x) && echo WENT-ON",
    "errexit": 'set -e; eval "$(awsassume --profile nope x)"; echo WENT-ON',
    "then true": 'eval "$(awsassume --profile nope x; true)" && echo WENT-ON',
    "in a function": 'f() { awsassume --profile nope x; }; eval "$(f)" && echo WENT-ON',
    "in a subshell": '(eval "$(awsassume --profile nope x)" && echo WENT-ON)',
    "another environment": 'eval "$(HOME=/nowhere AWS_CONFIG_FILE=$HOME/.aws/config awsassume --no-cache x)" && echo WENT-ON',
}
both = pytest.mark.parametrize("shim", [True, False], ids=["loaded", "without"])
bash_and_zsh = pytest.mark.parametrize("shell", ["bash", "zsh"])


@bash_and_zsh
@both
@pytest.mark.parametrize("form", EVALS)
def test_eval_takes_effect(form: str, shim: bool, shell: str, place: Place) -> None:
    """What reads the call becomes the role, whether the function or the program was called in it."""
    script, said = EVALS[form]
    done = place.run(shell, script, shim=shim)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}\n", "")


@bash_and_zsh
@pytest.mark.parametrize("form", INSIDE)
def test_a_subshell_is_the_role_and_says_nothing(form: str, shell: str, place: Place) -> None:
    """What runs in the subshell is the role; pipe, log and value hold what it said, and no more."""
    script, said = INSIDE[form]
    done = place.run(shell, script)
    assert (done.returncode, done.stdout) == (0, f"{said}\n")
    assert done.stderr == "" or form == "fallback"


@bash_and_zsh
@both
@pytest.mark.parametrize("form", FAILS)
def test_a_failure_stops_the_eval(form: str, shim: bool, shell: str, place: Place) -> None:
    """What follows a failed call is not run, and a line says why."""
    done = place.run(shell, FAILS[form], shim=shim)
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith("awsassume: ")


FISH = {
    "eval": ("eval (awsassume example); and who", "example"),
    "quoted": ('eval "$(awsassume example)"; and who', "example"),
    "source": ("awsassume example | source; and who", "example"),
    "psub": ("source (awsassume example | psub); and who", "example"),
    "clear": ("eval (awsassume example); and eval (awsassume --clear); and who", "Bob"),
}
FISH_FAILS = {
    "eval": "eval (awsassume --profile nope x); and echo WENT-ON",
    "quoted": 'eval "$(awsassume --profile nope x)"; and echo WENT-ON',
    "usage": "eval (awsassume --nonsense); and echo WENT-ON",
    "source": "awsassume --profile nope x | source; and echo WENT-ON",
    "psub": "source (awsassume --profile nope x | psub); and echo WENT-ON",
    "in a block": "begin; awsassume --profile nope x; end | source; and echo WENT-ON",
    "in a function": "function f; awsassume --profile nope x; end; eval (f); and echo WENT-ON",
}


@both
@pytest.mark.parametrize("form", FISH)
def test_fish_takes_effect(form: str, shim: bool, place: Place) -> None:
    """Fish has no subshells: the function takes the role at once."""
    script, said = FISH[form]
    done = place.run("fish", script, shim=shim)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}\n", "")


@both
@pytest.mark.parametrize("form", FISH_FAILS)
def test_a_failure_stops_fish(form: str, shim: bool, place: Place) -> None:
    """What reads a failed call fails as well."""
    done = place.run("fish", FISH_FAILS[form], shim=shim)
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith("awsassume: ")


@bash_and_zsh
def test_a_value_holds_no_secret(shell: str, place: Place) -> None:
    """What the function leaves for eval is the call, and neither a key nor a token."""
    done = place.run(
        shell,
        'awsassume example\nx=$(awsassume example)\necho "$x"\nenv | grep -E "^AWS_S" >secrets',
    )
    secrets = (place.home / "secrets").read_text().splitlines()
    assert len(secrets) == 2
    assert done.returncode == 0
    assert "'example'" in done.stdout
    for line in secrets:
        assert line.partition("=")[2] not in done.stdout


@pytest.mark.parametrize("loading", ["BASH_ENV", "export -f"])
def test_a_script_that_has_the_function_from_elsewhere(loading: str, place: Place) -> None:
    """Under BASH_ENV eval takes effect; the function alone, exported, fails, and the script goes no further."""
    script = place.home / "script"
    script.write_text('eval "$(awsassume example)" && who\n')
    if loading == "BASH_ENV":
        done = place.run(
            "bash", "exec bash script", shim=False, environ={"BASH_ENV": str(place.shim("bash"))}
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "example\n", "")
    else:
        done = place.run("bash", "export -f awsassume\nbash script")
        assert done.returncode != 0
        assert done.stdout == ""
        assert "without its parts" in done.stderr
        done = place.run("bash", "export -f awsassume\nbash -c 'awsassume example && who'")
        assert (done.returncode, done.stdout) == (2, "")


def test_zshenv(place: Place) -> None:
    """Loaded by .zshenv the function is in every script; eval takes effect there."""
    (place.home / ".zshenv").write_bytes(place.shim("zsh").read_bytes())
    (place.home / "script").write_text('eval "$(awsassume example)" && who\n')
    done = place.run("bash", "exec zsh script", shim=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "example\n", "")
