"""A shell that does not take what it is told: the line stops, a word says why, and the shell is as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.fake_aws.aws import FakeAws
from tests.shimming import Place, dump

if TYPE_CHECKING:
    from collections.abc import Iterator

POSIX = {
    "bash": ("bash", "--norc", "-c"),
    "bash-posix": ("bash", "--posix", "-c"),
    "zsh": ("zsh", "-f", "-c"),
    "dash": ("dash", "-c"),
    "ksh93": ("ksh93", "-c"),
    "mksh": ("mksh", "-c"),
    "busybox": ("busybox", "sh", "-c"),
    "yash": ("yash", "--norcfile", "-c"),
}
COMMANDS = {**POSIX, "fish": ("fish", "--no-config", "-c"), "tcsh": ("tcsh", "-f", "-c")}
every_posix = pytest.mark.parametrize("shell", POSIX)
WHO = '"$PYTHON" -I -S who.py'
EVE = {
    "AWS_ACCESS_KEY_ID": "AKIAEVE",
    "AWS_SECRET_ACCESS_KEY": "of-eve",
    "AWS_SESSION_TOKEN": "token-of-eve",
    "AWS_REGION": "eu-west-2",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_PROFILE": "eve",
    "AWS_ACCOUNT_ID": "999999999999",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module, with a session of the role that is fresh."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path_factory.mktemp("taken"))
        (place.home / "who.py").write_text(
            "import json, os; print(json.dumps({n: v for n, v in os.environ.items() if n[:4] == 'AWS_'}))\n"
        )
        place.environ |= EVE
        yield place


def run(place: Place, shell: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell without the function."""
    need(COMMANDS[shell][0])
    return subprocess.run(
        (*COMMANDS[shell], script),
        env={**place.environ, "PYTHON": sys.executable, "DUMP": str(place.home / "dump.py")},
        cwd=place.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def is_role(place: Place, printed: str) -> bool:
    """Tell whether what `WHO` printed is the whole of a role's credentials, and of nobody else's."""
    seen = json.loads(printed.splitlines()[-1])
    key = place.aws.keys.get(seen["AWS_ACCESS_KEY_ID"])
    return (
        key is not None
        and ":assumed-role/" in key.arn
        and seen["AWS_SECRET_ACCESS_KEY"] == key.secret_access_key
        and seen["AWS_SESSION_TOKEN"] == key.session_token
        and not {"AWS_PROFILE", "AWS_ACCOUNT_ID"} & seen.keys()
    )


def held(place: Place, name: str) -> dict[str, str]:
    """Give what was dumped, but for what a shell adds by itself."""
    return {n: v for n, v in place.dumped(name).items() if n.startswith(("AWS_", "AWSASSUME_"))}


def refused(place: Place, done: subprocess.CompletedProcess[str]) -> None:
    """Say that the line stopped, with one line of ours, and that the shell is what it was."""
    assert "WENT ON" not in done.stdout
    assert done.stdout.strip() == ""
    assert done.stderr.count("awsassume: ") == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert held(place, "after") == held(place, "before")


def tried(load: str) -> str:
    """Give the lines that load, and write down what there was before and after."""
    return f"{dump('before')}\n{load} && echo WENT ON\n{dump('after')}\n"


READONLY = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_PROFILE",
    "AWS_ACCOUNT_ID",
    "AWSASSUME_SAVED",
    "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
]
LOADS = [
    'eval "$(awsassume --profile default example)"',
    "eval $(awsassume --profile default example)",
    "awsassume --profile default example > code; . ./code",
]


@pytest.mark.slow
@every_posix
@pytest.mark.parametrize("load", LOADS, ids=["quoted", "unquoted", "file"])
def test_a_readonly_variable_stops_the_line(shell: str, load: str, place: Place) -> None:
    """Of the keys, of the region, of what is to go and of our own: nothing is half done."""
    for names in READONLY if load == LOADS[0] else READONLY[::4]:
        done = run(place, shell, f"readonly {names}\n{tried(load)}")
        refused(place, done)
    assert is_role(place, run(place, shell, f"{load} && {WHO}").stdout)


@pytest.mark.slow
@every_posix
def test_errexit_and_nounset_meet_it_as_any_failure(shell: str, place: Place) -> None:
    """`set -e` ends the script there, and `set -u` finds nothing unset."""
    for names in READONLY:
        script = f"set -eu\nreadonly {names}\n{LOADS[0]}\necho WENT ON\n"
        done = run(place, shell, script)
        assert done.stdout == ""
        assert done.returncode != 0
    done = run(place, shell, f"set -eu\nunset AWS_PROFILE\n{LOADS[0]}\n{WHO}\n")
    assert is_role(place, done.stdout), done.stderr


@pytest.mark.parametrize(
    "shell, before",
    [
        ("bash", "declare -i AWS_REGION"),
        ("bash", "declare -l AWS_ACCESS_KEY_ID"),
        ("bash", "declare -u AWS_SECRET_ACCESS_KEY"),
        ("zsh", "typeset -u AWS_SESSION_TOKEN"),
        ("zsh", "typeset -l AWS_ACCESS_KEY_ID"),
        ("ksh93", "typeset -u AWS_SECRET_ACCESS_KEY"),
        ("mksh", "typeset -l AWS_ACCESS_KEY_ID"),
        ("mksh", "typeset -L3 AWS_SESSION_TOKEN"),
    ],
)
def test_a_variable_that_changes_what_it_takes_stops_the_line(
    shell: str, before: str, place: Place
) -> None:
    """Integers, upper and lower case, a width: the shell would hold something else than it was told."""
    done = run(place, shell, f"{before}\n{tried(LOADS[0])}")
    assert "WENT ON" not in done.stdout
    assert done.stderr.count("awsassume: ") == 1, done.stderr
    assert held(place, "after") == held(place, "before")


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "mksh", "yash"])
def test_a_caller_s_local_variable_does_not_let_another_through(shell: str, place: Place) -> None:
    """`unset` in a function lets the variable behind a caller's local one be seen: that of the shell, exported."""
    words = "typeset" if shell in {"mksh", "yash"} else "local"
    script = (
        f"g() {{ {LOADS[0]} && {WHO}; }}\n"
        f"f() {{ {words} AWS_PROFILE=other; export AWS_PROFILE; g; }}\nf\n"
    )
    done = run(place, shell, script)
    assert done.stdout == "" or is_role(place, done.stdout), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_function_meets_it_too(shell: str, place: Place) -> None:
    """The line stops behind the function as behind `eval`, and the shell is as it was."""
    for names in READONLY:
        script = f"readonly {names}\n{tried('awsassume --profile default example')}"
        refused(place, place.run(shell, script))
    done = place.run(shell, f"awsassume --profile default example && {WHO}")
    assert is_role(place, done.stdout)


FISH = [
    "eval (awsassume --profile default example)",
    'eval "$(awsassume --profile default example)"',
    "awsassume --profile default example | source",
    "awsassume --profile default example",
]


def fish(place: Place, load: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in fish, with the function where the load is that."""
    return place.run("fish", script, shim=load == FISH[-1])


@pytest.mark.parametrize("load", FISH, ids=["eval", "quoted", "source", "function"])
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_PROFILE"])
def test_a_local_variable_of_fish_stops_the_line(load: str, name: str, place: Place) -> None:
    """In the function itself, in one that calls it, and before both: the global one would be covered."""
    for script in (
        f"function f; set -lx {name} eve; {{}}; end; f",
        f"function g; {{}}; end; function f; set -lx {name} eve; g; end; f",
        f"function g; if true; {{}}; end; end; function f; set -lx {name} eve; g; end; f",
    ):
        lines = script.format(f"{load}; and echo WENT ON")
        done = fish(place, load, f"{dump('before')}; {lines}; {dump('after')}")
        refused(place, done)


@pytest.mark.parametrize("load", FISH, ids=["eval", "quoted", "source", "function"])
def test_a_block_s_variable_of_fish_gives_way(load: str, place: Place) -> None:
    """What stands in an `if` or a `begin` alone is let go of, and the role is there behind it too."""
    done = fish(
        place, load, f"begin; set -lx AWS_ACCESS_KEY_ID eve; {load}; and {WHO}; end; and {WHO}"
    )
    first, second = done.stdout.splitlines()
    assert is_role(place, first)
    assert is_role(place, second)


def test_a_prefix_of_one_command_is_none_of_the_shell_s_in_fish(place: Place) -> None:
    """`AWS_PROFILE=x awsassume R`: the source of that call, gone behind it."""
    done = fish(
        place, FISH[-1], f"AWS_PROFILE=default AWS_ACCESS_KEY_ID= awsassume example; and {WHO}"
    )
    assert done.stdout == "" or is_role(place, done.stdout), done.stderr
    done = fish(place, FISH[-1], f"AWS_PROFILE=default awsassume --profile default example; {WHO}")
    assert is_role(place, done.stdout), done.stderr


def test_a_shell_s_variable_of_tcsh_does_not_hide_the_environment(place: Place) -> None:
    """Tcsh reads `$X` from a variable of its own first; what a command gets is what counts."""
    load = 'eval "`awsassume --profile default example`"'
    done = run(place, "tcsh", f"set AWS_ACCESS_KEY_ID=mine; {load} && {WHO}")
    assert is_role(place, done.stdout), done.stderr
    done = run(place, "tcsh", f"alias setenv true; {load} && echo WENT ON")
    assert "WENT ON" not in done.stdout
    assert "awsassume: AWS_ACCESS_KEY_ID was not taken\n" in done.stderr


# zsh alone takes a text that ends in && for whole.
CUT = [
    "grep -v SESSION",
    "grep -v PROFILE",
    "head -n 4",
    "head -n 12",
    "head -c 300",
    "sed '$d'",
    "grep export",
    "grep -v ACCESS_KEY",
]
FILTERS = [
    "grep -v REGION",
    "grep -v AWSASSUME",
    "grep -v '^.$'",
    "sed 1d",
    "tail -n 1",
    "tr '\\n' ' '",
]


@pytest.mark.slow
@every_posix
def test_what_a_filter_leaves_is_the_role_or_a_failure(shell: str, place: Place) -> None:
    """A text that lost lines or its end never goes on as half of a role; without regions it is the role, as ever."""
    for filter_ in [*FILTERS, *([] if shell == "zsh" else CUT)]:
        load = f'eval "$(awsassume --profile default example | {filter_})"'
        done = run(place, shell, f"{load} && {WHO}")
        if done.stdout or filter_ in {"grep -v REGION", "grep -v AWSASSUME", "tr '\\n' ' '"}:
            assert is_role(place, done.stdout), filter_


@every_posix
def test_a_loop_over_the_lines_is_no_success_with_half_of_them(shell: str, place: Place) -> None:
    """Each line evaluated by itself: the last one asks for the role."""
    lines = 'while read -r line; do eval "$line"; done < code'
    script = f"awsassume --profile default example > code\n{lines} && {WHO}\n"
    done = run(place, shell, script)
    assert done.stdout == "" or is_role(place, done.stdout)


@pytest.mark.slow
def test_what_a_filter_leaves_is_the_role_or_a_failure_in_fish(place: Place) -> None:
    """It is so in fish as in POSIX shells."""
    for filter_ in ("head -n 3", "head -n 30", "head -c 400", "sed '$d'", "grep -v REGION"):
        for load in (
            f"eval (awsassume --profile default example | {filter_})",
            f"awsassume --profile default example | {filter_} | source",
        ):
            done = run(place, "fish", f"{load}; and {WHO}")
            assert done.stdout == "" or is_role(place, done.stdout)
    assert is_role(place, done.stdout)


def test_fish_refuses_export_lines_that_it_cannot_follow(place: Place) -> None:
    """There is `export` and no `unset`: where something is to go, nothing is half done."""
    load = "eval (awsassume --profile default example --format env)"
    done = run(place, "fish", f"{dump('before')}; {load}; and echo WENT ON; {dump('after')}")
    assert "WENT ON" not in done.stdout
    assert held(place, "after") == held(place, "before")
    done = run(place, "fish", f"set -e AWS_PROFILE; set -e AWS_ACCOUNT_ID; {load}; and {WHO}")
    assert is_role(place, done.stdout), done.stderr
