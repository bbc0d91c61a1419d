"""A model of the environment, held against real shells: whatever is done in whatever order, who one is and every variable."""

from __future__ import annotations

import os
import shutil
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.aws_files import lines_of, write
from tests.environment_model import KEY, KEYS, RIVALS, SECRET, TOKEN, TRACKED, Shell, only
from tests.fake_aws.aws import FakeAws
from tests.shimming import SHELLS, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.environment_model import Environ

    Step = tuple[str, dict[str, Any]]

EXAMPLES = int(os.environ.get("AWSASSUME_EXAMPLES", "4"))
SERVE_PROFILE = "awsassume-serve"
ROLES = ("one", "two")
VALUES = {
    "AWS_REGION": ("eu-west-1", "eu-west-2"),
    "AWS_DEFAULT_REGION": ("eu-west-1", "eu-west-3"),
    "AWS_PROFILE": ("bob", "eve"),
    "AWS_ACCOUNT_ID": ("111111111111",),
    "AWS_BEARER_TOKEN_BEDROCK": ("hunter2",),
}
WAYS = st.sampled_from(["function", "eval"])
USERS = st.sampled_from(["bob", "eve"])
role = st.sampled_from(ROLES)
region = st.sampled_from([None, None, "eu-north-1"])
exported = st.sampled_from([(name, text) for name, texts in VALUES.items() for text in texts])


def step(verb: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Return a strategy for a step."""
    return st.tuples(st.just(verb), st.fixed_dictionaries(parts))


STEPS = {
    "assume": step("assume", role=role, region=region, way=WAYS),
    "prefix": step(
        "prefix", role=role, region=region, user=USERS, by=st.sampled_from(["profile", "keys"])
    ),
    "export": step("export", variable=exported),
    "unset": step("unset", name=st.sampled_from(sorted(VALUES))),
    "paste": step("paste", user=USERS),
    "article": step("article"),
    "clear": step("clear", way=WAYS),
    "renew": step("renew", way=WAYS),
    "fail": step("fail", way=WAYS),
    "exec": step("exec", role=role),
    "serve": step("serve", role=role),
    "nest": step("nest", role=role, outer=st.sampled_from(["", "--serve"])),
}
# zsh takes back what stands before a function.
STEPS_OF = {
    shell: [s for name, s in STEPS.items() if (shell, name) != ("zsh", "prefix")]
    for shell in SHELLS
}


class World:
    """A place with two users and two roles, and the shell scripts of the steps."""

    def __init__(self, place: Place) -> None:
        """Fill the home."""
        self.place = place
        self.count = count()
        aws = place.aws
        keys = {name: aws.add_user(name) for name in ("bob", "eve")}
        self.users = {
            name: (each.access_key_id, each.secret_access_key) for name, each in keys.items()
        }
        for name in ROLES:
            aws.add_role(name)
        profiles = "".join(f"[profile {name}]\n{lines_of(each)}" for name, each in keys.items())
        write(place.home, profiles, f"[default]\n{lines_of(keys['bob'])}")

    def arn(self, name: str) -> str:
        """Return a role's ARN; a name would have to be looked up."""
        return self.place.aws.arn("iam", self.place.aws.account, f"role/{name}")

    def line(self, shell: str, verb: str, parts: dict[str, Any], file: str) -> str:
        """Return what a user of the shell types for a step."""
        words = {
            "clear": "--clear",
            "renew": "--renew --refresh 2>/dev/null",
            "fail": "nope --profile nope 2>/dev/null",
        }.get(verb) or self.arn(parts.get("role", "one"))
        if parts.get("region"):
            words = f"{words} --region {parts['region']}"
        if verb == "prefix":
            return f"{self.prefix(parts, written=True)}awsassume {words}"
        if verb in {"export", "paste"}:
            values = (
                dict([parts["variable"]])
                if verb == "export"
                else dict(zip(KEYS, self.users[parts["user"]], strict=False))
            )
            form = "set -gx {} '{}'" if shell == "fish" else "export {}='{}'"
            lines = [form.format(name, text) for name, text in values.items()]
            return "; ".join([*lines, *([unset(shell, TOKEN)] if verb == "paste" else [])])
        if verb in {"unset", "article"}:
            return unset(shell, *([parts["name"]] if verb == "unset" else KEYS))
        if verb in {"exec", "serve"}:
            return f"awsassume {'--serve ' * (verb == 'serve')}{words} -- env -0 >{file}"
        if verb == "nest":
            return f"awsassume {parts['outer']} {self.arn('one')} -- awsassume {words} -- env -0 >{file} 2>/dev/null"
        return (
            f'eval "$(command awsassume {words})"'
            if parts["way"] == "eval"
            else f"awsassume {words}"
        )

    def prefix(self, parts: dict[str, Any], *, written: bool) -> Any:  # noqa: ANN401  # words, or the variables
        """Return what stands before the one call."""
        name = parts["user"]
        values = (
            {"AWS_PROFILE": name}
            if parts["by"] == "profile"
            else dict(zip(KEYS, self.users[name], strict=False))
        )
        return "".join(f"{key}={text} " for key, text in values.items()) if written else values

    def run(
        self, shell: str, steps: list[Step], before: Environ
    ) -> list[tuple[int, Environ, Environ]]:
        """Run the steps in one shell; give each one's status, the environment after it, and what a command of its found."""
        folder = self.place.home / f"run{next(self.count)}"
        folder.mkdir()
        status = "$status" if shell == "fish" else "$?"
        script = []
        for number, (verb, parts) in enumerate(steps):
            script += [
                self.line(shell, verb, parts, f"{folder}/x{number}"),
                f"echo {status} >{folder}/s{number}",
                f"command env -0 >{folder}/e{number}",
            ]
        done = self.place.run(shell, "\n".join(script), environ=before)
        said = [text for text in done.stderr.splitlines() if "passed over" not in text]
        assert (done.stdout, said) == ("", []), done
        seen = [
            (int((folder / f"s{n}").read_text()), read(folder / f"e{n}"), read(folder / f"x{n}"))
            for n in range(len(steps))
        ]
        shutil.rmtree(folder)
        return seen

    def who(self, environ: Environ) -> tuple[str, str]:
        """Name the user and the role behind the keys of an environment."""
        keys = self.place.aws.keys[environ[KEY]]
        assert (environ[SECRET], environ.get(TOKEN)) == (keys.secret_access_key, keys.session_token)
        assert len(keys.lineage) == 1, "a role was assumed with a role"
        return keys.lineage[0].rpartition("/")[2], keys.arn.split("/")[1]


def unset(shell: str, *names: str) -> str:
    """Return what a user types to unset variables, set or not."""
    if shell != "fish":
        return f"unset {' '.join(names)}"
    return "; ".join(f"set -q {name}; and set -e {name}; or true" for name in names)


def read(path: Path) -> Environ:
    """Read what `env -0` wrote; nothing where it did not run."""
    if not path.exists():
        return {}
    pairs = (os.fsdecode(text).partition("=") for text in path.read_bytes().split(b"\0")[:-1])
    return {name: text for name, _, text in pairs}


def check(world: World, shell: str, steps: list[Step], before: Environ) -> None:
    """Do the steps in a shell and in the model; compare after each."""
    model = Shell(world.users, before)
    seen = world.run(shell, steps, before)
    for (verb, parts), (status, environ, found) in zip(steps, seen, strict=True):
        expected = 0
        if verb in {"assume", "prefix"}:
            prefix = world.prefix(parts, written=False) if verb == "prefix" else {}
            user = model.assume(parts["role"], parts.get("region"), prefix)
            assert world.who(environ) == (user, parts["role"])
            model.adopt(environ)
        elif verb == "renew" and model.holds and model.held:
            old, name = model.environ[KEY], model.held.role
            model.held.user = model.renew()
            assert world.who(environ) == (model.held.user, name)
            assert environ[KEY] != old
            model.adopt(environ)
        elif verb in {"renew", "fail"}:
            expected = 1
        elif verb == "clear":
            model.clear()
        elif verb == "export":
            model.export(*parts["variable"])
        elif verb == "paste":
            for name, text in zip(KEYS, (*world.users[parts["user"]], None), strict=True):
                model.export(name, text)
        elif verb in {"unset", "article"}:
            for name in [parts["name"]] if verb == "unset" else KEYS:
                model.export(name, None)
        else:
            expected = in_command(world, model, verb, parts, found)
        assert bool(status) == bool(expected), (verb, status)
        now = only(environ, TRACKED)
        if "AWSASSUME_ROLE" in now:
            now["AWSASSUME_ROLE"] = now["AWSASSUME_ROLE"].rpartition(":")[2]
        assert now == model.environ, verb
        assert not [
            name for name in environ if name.startswith(("AWSASSUME_HELD", "AWSASSUME_PREF"))
        ]


def in_command(world: World, model: Shell, verb: str, parts: dict[str, Any], found: Environ) -> int:
    """Check what a command found; return the status that it should have ended with."""
    own = model.own()
    secrets = [text for name in (SECRET, RIVALS[2]) if (text := own.get(name))]
    if verb == "nest" and SECRET in own:
        # The keys were not given to the outer command.
        assert not found
        return 4
    for secret in (*secrets, *(keys[1] for keys in world.users.values())):
        assert secret not in found.values()
        assert not [text for text in found.values() if secret.replace("=", "%3D") in text]
    assert not [name for name in RIVALS if found.get(name) not in {None, SERVE_PROFILE}]
    if verb == "serve":
        assert KEY not in found
        assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith("http://127.0.0.1:")
    else:
        assert world.who(found) == (model.source(own), parts["role"])
    return 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield one world for all examples: most calls find a session."""
    with FakeAws() as aws:
        yield World(Place.make(aws, tmp_path_factory.mktemp("bob")))


def modelled(shell: str) -> Callable[..., None]:
    """Return the test of one shell."""

    @pytest.mark.slow
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        # A shell for each shrunk example would take minutes.
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        steps=st.lists(st.one_of(STEPS_OF[shell]), min_size=6, max_size=12),
        before=st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(""), max_size=3).map(
            lambda names: {name: VALUES[name][0] for name in names}
        ),
        user=st.sampled_from([None, None, "bob", "eve"]),
    )
    def test(world: World, steps: list[Step], before: Environ, user: str | None) -> None:
        """After each step every variable, the status, and who one is are as the model says."""
        keys = dict(zip(KEYS, world.users[user], strict=False)) if user else {}
        check(world, shell, steps, before | keys)

    checked: Callable[..., None] = test
    return checked


test_bash = modelled("bash")
test_zsh = modelled("zsh")
test_fish = modelled("fish")
