"""A variable that stands before one command is that command's: the source is found by it, and the shell never had it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of
from tests.fake_aws.aws import FakeAws
from tests.shimming import SHELLS, Place, dump

if TYPE_CHECKING:
    from collections.abc import Iterator

EVE = "AWS_PROFILE=eve "
KEYS = "AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret} "


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module: Bob is [default], Eve a profile, and either may take two roles."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path_factory.mktemp("bob"))
        eve = aws.add_user("Eve", allow=["sts:AssumeRole"])
        for name in ("open-role", "second-role"):
            aws.add_role(name)
            with (place.home / ".aws/config").open("a") as config:
                config.write(
                    f"[profile {name}]\nrole_arn = arn:aws:iam::{aws.account}:role/{name}\n"
                )
        with (place.home / ".aws/config").open("a") as config:
            config.write(f"[profile eve]\nregion = eu-north-1\n{lines_of(eve)}")
        place.environ |= {"EVE_ID": eve.access_key_id, "EVE_SECRET": eve.secret_access_key}
        yield place


def put(shell: str, name: str, value: str) -> str:
    """Return the line that exports a variable."""
    return f"set -gx {name} '{value}'" if shell == "fish" else f"export {name}='{value}'"


# What the shell exports first, and what stands before the call.
CASES = {
    "never set": ({}, EVE),
    "another is set": ({"AWS_PROFILE": "default"}, EVE),
    "the same is set": ({"AWS_PROFILE": "eve"}, EVE),
    "an odd one is set": ({"AWS_PROFILE": 'a  b\\"$x`y\n\n', "AWS_ACCOUNT_ID": "1"}, EVE + "AWS_ACCOUNT_ID=2 "),
    "both profiles": ({"AWS_DEFAULT_PROFILE": "default"}, EVE + "AWS_DEFAULT_PROFILE=eve "),
    "keys": ({}, KEYS),
    "keys beside a profile": ({"AWS_PROFILE": "default"}, KEYS),
    "keys over keys": ({"AWS_ACCESS_KEY_ID": "AKIABOB", "AWS_SECRET_ACCESS_KEY": "bob's"}, KEYS),
    "a region": ({"AWS_REGION": "us-west-1"}, EVE + "AWS_REGION=eu-west-3 AWS_DEFAULT_REGION=eu-west-3 "),
    "an empty value": ({"AWS_REGION": ""}, EVE + "AWS_REGION=eu-west-3 "),
    "a bearer token": ({"AWS_BEARER_TOKEN_BEDROCK": "mine"}, EVE + "AWS_BEARER_TOKEN_BEDROCK=x "),
}  # fmt: skip
# zsh takes keys back, so that they are refused: tests/test_calls.py.
PREFIXES = pytest.mark.parametrize(
    "shell, case",
    [
        (shell, case)
        for shell in SHELLS
        for case in CASES
        if shell != "zsh" or KEYS not in CASES[case]
    ],
)


@PREFIXES
def test_clear_gives_back_what_the_shell_had(shell: str, case: str, place: Place) -> None:
    """By the role's way, by a second role's, by a failure's and by a clearing with a prefix of its own."""
    before, prefix = CASES[case]
    prefix = prefix.format(id=place.environ["EVE_ID"], secret=place.environ["EVE_SECRET"])
    seen = len(place.aws.calls("AssumeRole"))
    values = {name: value.replace("'", "") for name, value in before.items()}
    status = "$status" if shell == "fish" else "$?"
    script = [
        *[put(shell, name, value) for name, value in values.items()],
        dump("before"),
        f"{prefix}awsassume open-role --no-cache",
        # In zsh what the shell itself had is back behind the call; the prompt puts it away.
        "__awsassume_hook",
        dump("first"),
        f"{prefix}awsassume nope --profile nope 2>/dev/null",
        f"echo {status}",
        dump("failed"),
        f"{prefix}awsassume second-role",
        "__awsassume_hook",
        dump("second"),
        # zsh would take back what this gives back.
        f"{'' if shell == 'zsh' else prefix}awsassume --clear",
        dump("after"),
    ]
    done = place.run(shell, "\n".join(script))
    assert (done.returncode, done.stdout) == (0, "3\n")
    said = [line for line in done.stderr.splitlines() if "which is passed over" not in line]
    assert said == []
    assert place.dumped("after") == place.dumped("before")
    assert place.dumped("failed") == place.dumped("first")
    for name, role in (("first", "open-role"), ("second", "second-role")):
        now = place.dumped(name)
        assert now["AWSASSUME_ROLE"] == role
        assert now["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        assert (
            not {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCOUNT_ID", "AWS_BEARER_TOKEN_BEDROCK"}
            & now.keys()
        )
        assert not [name for name in now if name.startswith(("AWSASSUME_PREFIX", "AWSASSUME_HELD"))]
    assert {call.access_key_id for call in place.aws.calls("AssumeRole")[seen:]} == {
        place.environ["EVE_ID"]
    }


LOCAL = {
    "bash": "f() { local -x AWS_PROFILE=eve; awsassume open-role; }; f",
    "bash, before a function": "f() { awsassume open-role; }; AWS_PROFILE=eve f",
    "bash, both": "f() { local -x AWS_PROFILE=default; AWS_PROFILE=eve awsassume open-role; }; f",
    "bash, strict": "set -euo pipefail; shopt -s failglob; IFS=:; AWS_PROFILE=eve awsassume open-role",
    "bash, readonly beside": "readonly AWS_OTHER=x; AWS_PROFILE=eve awsassume open-role",
    "bash, an array beside": "AWS_LIST=(a b); AWS_PROFILE=eve awsassume open-role; [[ ${AWS_LIST[*]} == 'a b' ]]",
    "bash, posix": "set -o posix; AWS_PROFILE=eve awsassume open-role",
    "fish": "function f; set -lx AWS_PROFILE eve; awsassume open-role; end; f",
    "fish, before a function": "function f; awsassume open-role; end; AWS_PROFILE=eve f",
    "fish, both": "function f; set -lx AWS_PROFILE default; AWS_PROFILE=eve awsassume open-role; end; f",
}


@pytest.mark.parametrize("form", LOCAL)
@pytest.mark.parametrize("held", [None, "default"])
def test_what_is_local_to_a_caller_is_no_part_of_the_shell(
    form: str, held: str | None, place: Place
) -> None:
    """The role is the whole shell's, and what the shell had is what comes back; or nothing changes, where fish can't."""
    shell = form.partition(",")[0]
    lines = [put(shell, "AWS_PROFILE", held)] if held else []
    lines += [dump("before"), LOCAL[form], dump("role"), "awsassume --clear", dump("after")]
    done = place.run(shell, "\n".join(lines))
    assert (done.returncode, done.stdout) == (0, "")
    assert place.dumped("after") == place.dumped("before")
    if shell == "fish":
        assert "a local or universal variable is in the way" in done.stderr
        assert place.dumped("role") == place.dumped("before")
    else:
        assert done.stderr == ""
        assert place.dumped("role")["AWSASSUME_ROLE"] == "open-role"
        assert "AWS_PROFILE" not in place.dumped("role")


def test_what_is_local_to_a_caller_in_zsh(place: Place) -> None:
    """A profile is found, and does not come back with --clear; keys fail, since they would go with the caller."""
    keys = "AWS_ACCESS_KEY_ID=$EVE_ID AWS_SECRET_ACCESS_KEY=$EVE_SECRET"
    lines = [
        dump("before"),
        "f() { local -x AWS_PROFILE=eve; awsassume open-role; }; f",
        dump("role"),
        "awsassume --clear",
        dump("after"),
        f"g() {{ local -x {keys}; awsassume open-role && echo WENT-ON; }}; g",
        f'h() {{ local -x {keys}; eval "$(awsassume open-role)" && echo WENT-ON; }}; h',
        dump("last"),
    ]
    done = place.run("zsh", "\n".join(lines))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("a local variable is in the way") == 2
    assert place.dumped("role")["AWSASSUME_ROLE"] == "open-role"
    assert place.dumped("after") == place.dumped("last") == place.dumped("before")


def test_a_command_has_the_prefix_as_under_env(place: Place) -> None:
    """Behind -- the variables are COMMAND's own, and come back in it."""
    script = (
        "AWS_PROFILE=eve awsassume open-role -- bash -c '"
        f'eval "$(awsassume --clear)"; {dump("inside")}\''
    )
    assert place.run("bash", script).stderr == ""
    assert place.dumped("inside")["AWS_PROFILE"] == "eve"


def test_what_the_function_tells_goes_no_further(place: Place) -> None:
    """A process that is asked for credentials finds the variables that stand before the call, and nothing about them."""
    with (place.home / ".aws/config").open("a") as config:
        config.write(
            f"[profile asked]\ncredential_process = sh -c 'env >{place.home}/env; exit 1'\n"
        )
    place.run("bash", f"{put('bash', 'AWS_REGION', 'held')}\nAWS_REGION=told awsassume asked")
    seen = (place.home / "env").read_text()
    assert "\nAWS_REGION=told\n" in f"\n{seen}"
    assert "AWSASSUME_HELD" not in seen
    assert "AWSASSUME_PREFIX" not in seen
