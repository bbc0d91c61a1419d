"""Every form in which awsassume is called works, or fails with a word: in each shell, with its function and without."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.fake_aws.aws import FakeAws
from tests.shimming import Place
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    "command after": ("""eval "$(awsassume example; echo 'X=1; export X; who')\"""", "example"),
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


# What takes the role in a subshell alone, for nothing: form, and whether zsh can give the status too.
FOR_NOTHING = {
    "subshell": "(awsassume example)",
    "function": "(f() { awsassume example; }; f)",
    "loop": "(for name in example other-role; do awsassume $name; done)",
    "cleared": "(awsassume example; awsassume --clear)",
    "then true": "(awsassume example; true)",
    "job": "awsassume example & wait $!",
    "eval in a job": 'eval "$(awsassume example)" & wait $!',
    "piped": "set -o pipefail; awsassume example | cat",
    "function piped": "set -o pipefail; f() { awsassume example; }; f | cat",
    "coproc": "coproc awsassume example; wait $!",
}
SAID_ONLY = {
    "loop piped": "for name in example other-role; do awsassume $name; done | cat",
    "group piped": "{ awsassume example; } | cat",
    "conditional piped": "if true; then awsassume example; fi | cat",
}
WORD = "and has ended; this shell is as it was\n  run, without |, & or ( ) around it: awsassume '"


@bash_and_zsh
@pytest.mark.parametrize("form", [*FOR_NOTHING, *SAID_ONLY])
def test_a_role_taken_for_nothing_is_said(form: str, shell: str, place: Place) -> None:
    """A subshell that took the role and ended says so and fails; zsh has no say in the status of a job or a pipeline."""
    done = place.run(shell, f"{FOR_NOTHING.get(form) or SAID_ONLY[form]}\necho $?")
    assert WORD in done.stderr
    assert "AWS_" not in done.stdout
    known = form in FOR_NOTHING and (shell == "bash" or FOR_NOTHING[form].startswith("("))
    assert done.stdout == ("2\n" if known else "0\n")


UNTRAPPED = {"function piped", "function as a job", "loop piped", "group piped"}
WORTH_IT = {
    "command": ("(awsassume example; who); echo $?", "example\n0"),
    "and": ("(awsassume example && who); echo $?", "example\n0"),
    "subshell": ("(awsassume example; (who)); echo $?", "example\n0"),
    "condition": ("(awsassume example; if (who); then :; fi); echo $?", "example\n0"),
    "value": ("(awsassume example; x=$(who); echo $x); echo $?", "example\n0"),
    "pipeline": ("(awsassume example; who | cat); echo $?", "example\n0"),
    "job": ("(awsassume example; who & wait); echo $?", "example\n0"),
    "exec": ("(awsassume example; exec who); echo $?", "example\n0"),
    "variable": ('(awsassume example; echo "<$AWSASSUME_ROLE>"); echo $?', "<example>\n0"),
    "status": ("(awsassume example; who; exit 3); echo $?", "example\n3"),
    "status alone": ("(awsassume example; exit 3); echo $?", "3"),
    "function piped": ("f() { awsassume example && who; }; f | cat", "example"),
    "function as a job": ("f() { awsassume example && who; }; f & wait", "example"),
    "loop piped": (
        "for name in example other-role; do awsassume $name; who; done | cat",
        "example\nother-role",
    ),
    "group piped": ("{ awsassume example && who; } | cat", "example"),
    "two": ("(awsassume example; awsassume other-role; who)", "other-role"),
    "cleared": ("(awsassume example; awsassume --clear; who)", "Bob"),
    "exit trap": ("(trap 'echo bye' EXIT; awsassume example; who); echo $?", "example\nbye\n0"),
    "exit trap around": (
        "trap 'echo bye' EXIT; (awsassume example; who); echo $?",
        "example\n0\nbye",
    ),
    "errexit": ("set -e; (awsassume example; who); echo $?", "example\n0"),
    "eval in a pipeline": ('eval "$(awsassume example | cat)" && who', "example"),
    "eval of a subshell": ('eval "$( (awsassume example) )" && who', "example"),
    "value that names a command": ('x=$(awsassume example && echo test); echo "<$x>"', "<test>"),
    "value that begins with a reserved word": (
        'for w in in then do done fi; do x=$(awsassume example && echo "$w 3 of 3"); echo "<$x>"; done',
        "<in 3 of 3>\n<then 3 of 3>\n<do 3 of 3>\n<done 3 of 3>\n<fi 3 of 3>",
    ),
    "value of JSON": ('x=$(awsassume example && echo \'{ "a": 1 }\'); echo "<$x>"', '<{ "a": 1 }>'),
    "value of lines": ("x=$(awsassume example && echo '[' && echo ls -l); echo \"$x\"", "[\nls -l"),
    "value of a variable": ('x=$(awsassume example && echo A=1); echo "<$x>"', "<A=1>"),
    "value of the environment": (
        'x=$(awsassume example && env | grep ^AWSASSUME_ROLE); echo "<$x>"',
        "<AWSASSUME_ROLE=example>",
    ),
    "value of words": (
        'x=$(awsassume example && echo test instance); echo "<$x>"',
        "<test instance>",
    ),
    "value of a file": (
        'x=$(awsassume example && echo \'NAME="a b"\'); echo "<$x>"',
        '<NAME="a b">',
    ),
    "value of a subshell": ('echo "<$( (awsassume example; who) )>"', "<example>"),
}


@bash_and_zsh
@pytest.mark.parametrize("form", WORTH_IT)
def test_a_role_taken_for_something_is_not_spoken_of(form: str, shell: str, place: Place) -> None:
    """A subshell in which something ran as the role says nothing, and ends as it would."""
    script, said = WORTH_IT[form]
    done = place.run(shell, script)
    assert (done.returncode, done.stdout) == (0, f"{said}\n")
    # Where zsh runs no trap at the end, a busy machine may have nobody look while the command runs.
    assert done.stderr == "" or (shell == "zsh" and form in UNTRAPPED and WORD in done.stderr)


@pytest.mark.parametrize(
    "setting",
    [
        "set -T; trap /bin/true DEBUG",
        "set -x",
        "set -o posix",
        "shopt -s extdebug",
        "set -f; IFS=ea",
    ],
)
@pytest.mark.parametrize("form", ['eval "$(awsassume example)" && who', "(awsassume example; who)"])
def test_what_a_user_has_set_in_bash(form: str, setting: str, place: Place) -> None:
    """Traps, traces and options change nothing in what comes of a call."""
    done = place.run("bash", f"{setting}\n{form}")
    assert (done.returncode, done.stdout) == (0, "example\n")
    assert done.stderr == "" or setting == "set -x"


@pytest.mark.parametrize(
    "setting",
    [
        "trap /bin/true DEBUG",
        "TRAPDEBUG() { /bin/true }",
        "TRAPEXIT() { : }",
        "setopt xtrace",
        "setopt posix_traps ksh_arrays sh_word_split",
        "setopt no_multios no_clobber warn_create_global",
        "emulate sh",
        "emulate ksh",
    ],
)
@pytest.mark.parametrize("form", ['eval "$(awsassume example)" && who', "(awsassume example; who)"])
def test_what_a_user_has_set_in_zsh(form: str, setting: str, place: Place) -> None:
    """Traps, traces and options change nothing in what comes of a call."""
    done = place.run("zsh", f"{setting}\n{form}")
    assert (done.returncode, done.stdout) == (0, "example\n")
    assert done.stderr == "" or "xtrace" in setting


KEYS = "AWS_ACCESS_KEY_ID=$ID AWS_SECRET_ACCESS_KEY=$SECRET"
PREFIXED = {
    "plain": f"{KEYS} awsassume example-role && who",
    "last of a line": f"true; {KEYS} awsassume example-role && who",
    "quoted": f"{KEYS} 'awsassume' example-role && who",
    "variable": f"c=awsassume; {KEYS} $c example-role && who",
    "alias": f"{KEYS} assume example-role && who",
    "alias of all": "all example-role && who",
    "eval": f"eval '{KEYS} awsassume example-role' && who",
    "alias in an eval": f"eval '{KEYS} assume example-role' && who",
    "variable in an eval": f"c=awsassume; eval '{KEYS} $c example-role' && who",
    "function": f"f() {{ awsassume example-role; }}; {KEYS} f && who",
    "over lines": f"{KEYS.replace(' ', ' ' + chr(92) + chr(10))} \\\n awsassume example-role && who",
    "in a condition": f"if {KEYS} awsassume example-role; then who; fi",
    "in a subshell": f"({KEYS} awsassume example-role && who)",
    "in a value": f"echo $({KEYS} awsassume example-role && who) | grep .",
}
OWN = {
    "exported": f"export {KEYS}; awsassume example-role && who",
    "assigned": f"{KEYS}; export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; awsassume example-role && who",
    "program": f'eval "$({KEYS} command awsassume example-role)" && who',
    "of another command": f"{KEYS} true; export {KEYS}; {KEYS} command true; awsassume example-role && who",
    "profile": "AWS_PROFILE=default awsassume example-role && who",
}


def keyed(place: Place, shell: str, script: str, how: str) -> subprocess.CompletedProcess[str]:
    """Run a script for which Bob's keys are at hand, as an argument or as a file."""
    text = (place.home / ".aws/credentials").read_text()
    known = dict(line.split(" = ") for line in text.splitlines() if " = " in line)
    alias = f"alias assume=awsassume all='{KEYS} awsassume'\n"
    if shell == "bash":
        alias = f"shopt -s expand_aliases\n{alias}"
    environ = {"ID": known["aws_access_key_id"], "SECRET": known["aws_secret_access_key"]}
    if how == "file":
        (place.home / "script").write_text(f"{alias}\n{script}\n")
        script = ". ./script"
    else:
        script = f"{alias}\n{script}"
    return place.run(shell, script, environ=environ)


@pytest.mark.parametrize("how", ["argument", "file"])
@pytest.mark.parametrize("form", PREFIXED)
@bash_and_zsh
def test_keys_before_the_call(shell: str, form: str, how: str, place: Place) -> None:
    """In bash the shell is the role. zsh takes the keys back after the call: it fails with a word, and nobody goes on."""
    if shell == "zsh" and "alias" in form and how == "argument":
        pytest.skip("zsh reads the whole argument before the alias is made")
    done = keyed(place, shell, PREFIXED[form], how)
    if shell == "bash":
        assert (done.returncode, done.stdout) == (0, "example-role\n")
    else:
        assert done.stdout == ("false;\n" if form == "in a value" else "")
        assert done.returncode != 0 or form in {"in a value", "in a condition"}
        assert "zsh takes back" in done.stderr


@pytest.mark.parametrize(
    "form",
    [
        f"{KEYS} noglob awsassume example-role && who",
        f'{KEYS} noglob eval "awsassume example-role" && who',
        f"{KEYS} nocorrect noglob awsassume example-role && who",
        f"alias -g keys='{KEYS}'\nkeys awsassume example-role && who",
        f"alias -g assumed=awsassume\n{KEYS} assumed example-role && who",
    ],
)
def test_keys_before_the_call_as_zsh_alone_writes_it(form: str, place: Place) -> None:
    """Words before a command, and aliases in the midst of a line."""
    done = keyed(place, "zsh", form, "file")
    assert (done.returncode, done.stdout) == (2, "")
    assert "zsh takes back" in done.stderr


@pytest.mark.parametrize("how", ["argument", "file"])
def test_keys_before_eval(how: str, place: Place) -> None:
    """They are taken back behind eval too."""
    done = keyed(place, "zsh", f'{KEYS} eval "$(awsassume example-role)" && who', how)
    assert (done.returncode, done.stdout) == (2, "")
    assert "zsh takes back" in done.stderr


def test_an_alias_of_its_own_name(place: Place) -> None:
    """Zsh reads an alias once, and so does the function: it once ran into itself, and zsh crashed."""
    done = keyed(
        place,
        "zsh",
        "alias awsassume='AWS_REGION=eu-west-3 awsassume'\nawsassume example-role && who",
        "file",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "example-role\n", "")


@pytest.mark.parametrize("how", ["argument", "file"])
@pytest.mark.parametrize("form", OWN)
@bash_and_zsh
def test_keys_that_are_the_shells_own(shell: str, form: str, how: str, place: Place) -> None:
    """Keys that are not only for the call are a source as ever."""
    done = keyed(place, shell, OWN[form], how)
    assert (done.returncode, done.stdout, done.stderr) == (0, "example-role\n", "")


@pytest.mark.slow
def test_keys_before_a_call_that_is_typed(tmp_path: Path) -> None:
    """At zsh's prompt it is the line as typed that tells."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path / "bob")
        text = (place.home / ".aws/credentials").read_text()
        known = dict(line.split(" = ") for line in text.splitlines() if " = " in line)
        place.environ["ID"] = known["aws_access_key_id"]
        place.environ["SECRET"] = known["aws_secret_access_key"]
        with Terminal("zsh", place) as terminal:
            assert terminal.run(f"{KEYS} awsassume example-role", see="takes back") == 2
            assert terminal.run(f"export {KEYS}; awsassume example-role") == 0
            assert terminal.dump("now")["AWSASSUME_ROLE"] == "example-role"


def test_zsh_itself_is_not_read_for_what_is_typed(place: Place) -> None:
    """Where lines come by stdin, the place of a call is named as zsh is: the file of that name holds no lines."""
    named = place.home / "zsh-itself"
    named.write_text(f"{KEYS} awsassume example\n" * 9)
    done = subprocess.run(
        [str(named), "-f", "-s"],
        executable=need("zsh"),
        input='eval "$(awsassume --init zsh)"\nawsassume example\nawsassume other-role\necho $AWSASSUME_ROLE\n',
        env=place.environ,
        cwd=place.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("other-role\n", "")
