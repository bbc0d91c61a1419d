"""A trace shows no secret: the functions and the hook run untraced, and the trace is on again behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake_aws.aws import FakeAws
from tests.shimming import Place, dump

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACES = {
    "bash": {
        "xtrace": "set -x",
        "verbose": "set -v",
        "functrace": "set -T; trap 'echo \"trace $BASH_COMMAND\" >&2' DEBUG",
        "extdebug": "shopt -s extdebug; trap 'echo \"trace $BASH_COMMAND\" >&2' DEBUG",
        "another descriptor": "exec 9>&2; BASH_XTRACEFD=9; set -x",
    },
    "zsh": {
        "xtrace": "setopt xtrace",
        "verbose": "setopt verbose",
        "trap": "trap 'print -r -u2 -- \"trace $ZSH_DEBUG_CMD\"' DEBUG",
        "function": 'TRAPDEBUG() { print -r -u2 -- "trace $ZSH_DEBUG_CMD" }',
    },
    "fish": {
        "global": "set -g fish_trace 1",
        "exported": "set -gx fish_trace 1",
        "all": "set fish_trace all",
    },
}
READ = {
    "bash": 'eval "$(awsassume example)"; source <(awsassume example); (awsassume example; true)',
    "zsh": 'eval "$(awsassume example)"; source <(awsassume example); (awsassume example; true)',
    "fish": "eval (awsassume example); awsassume example | source",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module, whose user has keys in the environment."""
    with FakeAws() as aws:
        yield Place.make(aws, tmp_path_factory.mktemp("bob"))


def keys(home: Path) -> dict[str, str]:
    """Return the user's keys as variables: they are remembered for --clear, and are secret too."""
    text = (home / ".aws/credentials").read_text()
    pairs = (line.split(" = ") for line in text.splitlines() if " = " in line)
    return {name.upper(): value for name, value in pairs}


def secrets(environ: dict[str, str]) -> set[str]:
    """Return what of an environment nobody may see."""
    names = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return {environ[name] for name in names if name in environ}


@pytest.mark.parametrize(
    "shell, how", [(shell, how) for shell, ways in TRACES.items() for how in ways]
)
def test_a_trace_shows_no_secret(shell: str, how: str, place: Place) -> None:
    """Not when a role is taken, shown, looked at by the hook, renewed, given back, or taken in a subshell."""
    mine = keys(place.home)
    past = "set -gx AWSASSUME_EXPIRATION 1" if shell == "fish" else "export AWSASSUME_EXPIRATION=1"
    script = [
        TRACES[shell][how],
        "awsassume example",
        dump("one"),
        "__awsassume_hook; awsassume_prompt >prompt",
        past,
        "__awsassume_hook",
        "awsassume other-role --no-cache",
        dump("two"),
        READ[shell],
        "awsassume --clear",
        "echo still traced",
    ]
    done = place.run(shell, "\n".join(script), environ=mine)
    shown = secrets(mine)
    for name in ("one", "two"):
        dumped = place.dumped(name)
        assert dumped["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        shown |= secrets(dumped)
    assert len(shown) == 5
    assert done.returncode == 0
    assert [text for text in shown if text in done.stdout + done.stderr] == []
    assert (place.home / "prompt").read_text().startswith("example ")
    if how != "verbose":
        assert "echo still traced" in done.stderr.splitlines()[-1]
