"""What is remembered of a command line: it is what would be found again, or it is not used.

Random command lines, environments and changes to real files; each answer that is recalled is held against what Typer and
botocore make of the same circumstances afresh.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from awsassume import environment, memory, recall, slow
from awsassume.credentials import Credentials
from awsassume.errors import Failure
from awsassume.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awsassume.recall import Target
    from awsassume.request import Request

Edit = tuple[str, str, str] | str | None

CONFIG = """\
[default]
region = eu-west-1
[profile alpha]
role_arn = arn:aws:iam::123456789012:role/{role}
source_profile = base
[profile beta]
role_arn = arn:aws:iam::123456789012:role/beta
source_profile = alpha
external_id = {role}
[profile gamma]
role_arn = arn:aws:iam::123456789012:role/gamma
credential_source = Environment
policy = policy.json
[profile base]
region = us-east-2
"""
STORED = """\
[base]
aws_access_key_id = {key}
aws_secret_access_key = made/up
[default]
aws_access_key_id = AKIADEFAULTEXAMPLE
aws_secret_access_key = made/up
"""
POLICY = '{{"Version":"2012-10-17","Statement":[{{"Sid":"{sid}"}}]}}'
OURS = environment.assumed(
    Credentials("ASIAOURSEXAMPLE", "made/up", "token", 2_000_000_000), "x", None, "x", {}
)


class World:
    """A folder with two homes, and the files that a command line's meaning may hang on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache" / "awsassume"
        for home in ("one", "two"):
            (folder / home / ".aws").mkdir(parents=True)
            (folder / home / ".aws/config").write_text(CONFIG.format(role=f"role-{home}"))
            (folder / home / ".aws/credentials").write_text(
                STORED.format(key=f"AKIA{home.upper()}")
            )
            for place in ("policy.json", ".aws/policy.json"):
                (folder / home / place).write_text(POLICY.format(sid=home))
        (folder / "link").symlink_to("one/.aws/config")
        self.settle()

    def write(self, path: str, text: str, how: str) -> None:
        """Change a file: in place, by another file, or in place with its old modification time."""
        file = self.folder / path
        before = file.stat() if file.exists() else None
        if how == "replace":
            file.with_suffix(".new").write_text(text)
            file.with_suffix(".new").replace(file)
        else:
            file.write_text(text)
        if how == "backdate" and before:
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    def settle(self) -> None:
        """Let the clock of the file system go on, so that what stands there may be remembered."""
        until = time.time_ns() + 2 * memory._TICK_NANOSECONDS
        while time.time_ns() < until:
            os.sched_yield()

    def environ(self, given: dict[str, str]) -> dict[str, str]:
        """Return an environment: the home and the cache, and what is given, with `@` for the folder."""
        found = {
            "HOME": "@/one",
            "AWSASSUME_CACHE_DIR": "@/cache",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return {
            name: value.replace("@", str(self.folder)) for name, value in {**found, **given}.items()
        }


@contextlib.contextmanager
def standing(folder: Path) -> Iterator[None]:
    """Stand in a folder, and come back to it and to the environment as it was."""
    here, environ = os.getcwd(), dict(os.environ)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(environ)


def afresh(argv: list[str], environ: dict[str, str]) -> tuple[Request, Target | None] | None:
    """Ask the slow way, which remembers what it finds; None where it fails."""
    program = Program(argv, environ)
    try:
        request = slow.understand(program)
        if request.mode not in {"export", "exec"}:
            return request, None
        _, plan = slow.planned(program, request)
    except (Failure, SystemExit):
        return None
    return request, plan.target


def alike(one: Target, other: Target) -> bool:
    """Tell whether two targets are the same in all they hold, but for what is not written down of the request."""
    names = [name for name in recall.Target.__slots__ if name != "partial"]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def is_of(recalled: tuple[Request, Target], request: Request) -> bool:
    """Tell whether what is recalled is this request; where that says so, without what must not be written down."""
    pairs, whole = recalled[0].pairs(), request.pairs()
    if not recalled[1].partial:
        return pairs == whole
    return pairs == [pair for pair in whole if not memory._may_be_secret(*pair)] != whole


roles = st.sampled_from(
    ["alpha", "beta", "gamma", "base", "123456789012:R", "arn:aws:iam::123456789012:role/alpha"]
)
options = st.lists(
    st.sampled_from(
        [
            "--profile base",
            "--profile default",
            "--profile alpha",
            "--duration 900",
            "--duration 15m",
            "--session-name me",
            "--session-name --chain",
            "--region us-west-1",
            "--external-id ab",
            "--tag a=b",
            "--tag a=c",
            "--policy policy.json",
            "--policy ~/policy.json",
            "--policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess",
            "--source-identity me",
            "--min-remaining 1m",
            "--chain",
            "--quiet",
            "--format fish",
            "--credential-process",
            "--refresh",
            "--no-cache",
            "--clear",
        ]
    ),
    max_size=3,
)
tails = st.sampled_from([[], [], [], ["--", "env"], ["--", "env", "--chain"]])
lines = st.builds(
    lambda role, options, tail: [
        *(word for option in options for word in option.split()),
        role,
        *tail,
    ],
    roles,
    options,
    tails,
)
variables = st.fixed_dictionaries(
    {},
    optional={
        "HOME": st.sampled_from(["@/one", "@/two"]),
        "WHERE": st.sampled_from(["one", "two"]),
        "AWS_CONFIG_FILE": st.sampled_from(
            ["@/two/.aws/config", "@/link", ".aws/config", "@/$WHERE/.aws/config", "~/.aws/config"]
        ),
        "AWS_PROFILE": st.sampled_from(["base", "alpha", "missing"]),
        "AWS_ACCESS_KEY_ID": st.sampled_from(["AKIAONEEXAMPLE", "AKIATWOEXAMPLE"]),
        "AWS_SECRET_ACCESS_KEY": st.sampled_from(["made/up", "made/too"]),
        "AWS_SESSION_TOKEN": st.sampled_from(["one", "two"]),
        "AWS_REGION": st.sampled_from(["us-east-1", "eu-central-1"]),
        "AWS_ENDPOINT_URL": st.just("http://127.0.0.1:9"),
        "AWSASSUME_SESSION_NAME": st.sampled_from(["you", "they"]),
        "AWSASSUME_DURATION": st.just("30m"),
        "AWSASSUME_SHELL": st.sampled_from(["fish", "zsh"]),
        "_AWSASSUME_COMPLETE": st.just("complete_bash"),
        "USER": st.sampled_from(["alice", "bob"]),
    },
)
environs = st.builds(
    lambda plain, ours: {
        **plain,
        **{name: value for name, value in (OURS if ours else {}).items() if value is not None},
    },
    variables,
    st.booleans(),
)
edits = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from(["one/.aws/config", "two/.aws/config"]),
        st.sampled_from([CONFIG.format(role="role-one"), CONFIG.format(role="role-two")]),
        st.sampled_from(["in place", "replace", "backdate"]),
    ),
    st.tuples(
        st.just("one/.aws/credentials"),
        st.sampled_from([STORED.format(key="AKIAONE"), STORED.format(key="AKIATWO")]),
        st.sampled_from(["in place", "replace", "backdate"]),
    ),
    st.tuples(
        st.sampled_from(["one/policy.json", "two/policy.json", "one/.aws/policy.json"]),
        st.sampled_from([POLICY.format(sid="one"), POLICY.format(sid="two")]),
        st.sampled_from(["in place", "replace", "backdate"]),
    ),
    st.sampled_from(["one/.aws/config", "two/.aws/config"]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[str], dict[str, str], str, Edit, bool]]:
    """Draw what happens in turn: a few command lines in a few places, so that they come again, and edits between."""
    argvs = draw(st.lists(lines, min_size=1, max_size=2))
    places = draw(
        st.lists(st.tuples(environs, st.sampled_from(["one", "two"])), min_size=1, max_size=2)
    )
    steps = []
    for _ in range(draw(st.integers(2, 6))):
        environ, cwd = draw(st.sampled_from(places))
        edit = draw(edits)
        steps.append((draw(st.sampled_from(argvs)), environ, cwd, edit, draw(st.booleans())))
    return steps


@pytest.mark.slow
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories())
def test_what_is_recalled_is_what_would_be_found_afresh(
    history: list[tuple[list[str], dict[str, str], str, Edit, bool]],
) -> None:
    """Whatever is run, wherever, and whatever was edited in between."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        for argv, given, cwd, edit, settled in history:
            if isinstance(edit, tuple):
                world.write(*edit)
            elif isinstance(edit, str):
                (world.folder / edit).unlink(missing_ok=True)
            if settled:
                world.settle()
            environ = world.environ(given)
            with standing(world.folder / cwd):
                recalled = Program(argv, environ)._recalled()
                found = afresh(argv, environ)
                event("recalled" if recalled else "found afresh" if found else "refused")
                if recalled is None:
                    continue
                assert found is not None, f"{argv} is refused, and was recalled"
                assert is_of(recalled, found[0])
                assert found[1] is None or alike(recalled[1], found[1])


def _edit(path: str, text: str, how: str) -> Callable[[World, dict[str, str]], None]:
    return lambda world, _: world.write(path, text, how)


def _set(name: str, value: str) -> Callable[[World, dict[str, str]], None]:
    def change(world: World, environ: dict[str, str]) -> None:
        environ[name] = value.replace("@", str(world.folder))

    return change


def _relink(world: World, _: dict[str, str]) -> None:
    (world.folder / "link").unlink()
    (world.folder / "link").symlink_to("two/.aws/config")


OTHER_CONFIG = CONFIG.format(role="role-two")
CHANGES: dict[str, Callable[[World, dict[str, str]], None]] = {
    "an edit of equal size": _edit("one/.aws/config", OTHER_CONFIG, "in place"),
    "an edit with the old modification time": _edit("one/.aws/config", OTHER_CONFIG, "backdate"),
    "another file of equal size": _edit("one/.aws/config", OTHER_CONFIG, "replace"),
    "the same text written again": _edit(
        "one/.aws/config", CONFIG.format(role="role-one"), "in place"
    ),
    "a deleted config": lambda world, _: (world.folder / "one/.aws/config").unlink(),
    "a symlink that leads elsewhere": _relink,
    "other stored keys": _edit("one/.aws/credentials", STORED.format(key="AKIATWO"), "in place"),
    "another policy in its file": _edit("one/policy.json", POLICY.format(sid="two"), "backdate"),
    "AWS_CONFIG_FILE": _set("AWS_CONFIG_FILE", "@/two/.aws/config"),
    "AWS_PROFILE": _set("AWS_PROFILE", "base"),
    "other keys in the environment": _set("AWS_ACCESS_KEY_ID", "AKIATWOEXAMPLE"),
    "AWS_ENDPOINT_URL_STS": _set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"),
    "AWSASSUME_SESSION_NAME": _set("AWSASSUME_SESSION_NAME", "another"),
    "another home": _set("HOME", "@/two"),
    "another user's name": _set("USER", "mallory"),
    "another directory": lambda world, _: os.chdir(world.folder / "two"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_to_what_matters_is_a_miss(
    change: Callable[[World, dict[str, str]], None], tmp_path: Path
) -> None:
    """Until then, the same words in the same place are recalled, and come to the same."""
    world = World(tmp_path)
    argv = ["alpha", "--policy", "policy.json"]
    environ = world.environ({"AWS_CONFIG_FILE": "@/link", "AWS_ACCESS_KEY_ID": "AKIAONEEXAMPLE"})
    with standing(tmp_path / "one"):
        found = afresh(argv, environ)
        recalled = Program(argv, environ)._recalled()
        assert found
        assert found[1]
        assert recalled
        assert is_of(recalled, found[0])
        assert alike(recalled[1], found[1])
        change(world, environ)
        assert Program(argv, environ)._recalled() is None


def test_secrets_are_not_remembered(tmp_path: Path) -> None:
    """No file of the recall holds a secret of the environment, the config or the command line, nor their text."""
    world = World(tmp_path)
    environ = world.environ(
        {
            "AWS_ACCESS_KEY_ID": "AKIAONEEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "hush-key",
            "AWS_SESSION_TOKEN": "hush-token",
            "AWS_VAULT_FILE_PASSPHRASE": "hush-passphrase",
            "AWS_SECRET_ACCESS_KEY_PROD": "hush-prod",
            "AWSASSUME_SERVED": "http://127.0.0.1:1&&AWS_SECRET_ACCESS_KEY=hush-source",
        }
    )
    with standing(tmp_path / "one"):
        assert afresh(["alpha"], environ)
        assert afresh(["arn:aws:iam::123456789012:role/alpha"], environ)
        serial = "arn:aws:iam::123456789012:mfa/Bob"
        assert afresh(["alpha", "--mfa-serial", serial, "--token-code", "123456"], environ)
        assert afresh(["alpha", "--", "true", "--password", "hush-word"], environ)
        assert afresh(["alpha", "--external-id", "hush-id", "--tag", "k=hush-tag"], environ)
        assert afresh(["alpha", "--policy", '{"hush": "policy"}', "--chain"], environ)
    files = list((world.cache / recall.FOLDER).iterdir())
    assert len(files) >= 5
    kept = b"".join(path.name.encode() + path.read_bytes() for path in files)
    for secret in (b"hush", b"made/up", b"123456\0", b"token_code", b"AKIAONEEXAMPLE"):
        assert secret not in kept


@pytest.mark.parametrize("path", ["@/$WHERE/.aws/config", "@/${WHERE}/.aws/config"])
def test_a_config_file_named_by_another_variable_is_not_remembered(
    path: str, tmp_path: Path
) -> None:
    """A variable in AWS_CONFIG_FILE is expanded by botocore, and which file that is nobody could tell without it."""
    world = World(tmp_path)
    environ = world.environ({"AWS_CONFIG_FILE": path, "WHERE": "one"})
    with standing(tmp_path):
        os.environ["WHERE"] = "one"
        assert afresh(["alpha"], environ)
        assert Program(["alpha"], environ)._recalled() is None


def test_chain_as_another_options_value_does_not_chain(tmp_path: Path) -> None:
    """The role that this shell holds is not the source, and nothing is remembered of so odd a line."""
    world = World(tmp_path)
    held = {name: value for name, value in OURS.items() if value is not None}
    for argv in (["--session-name", "--chain", "gamma"], ["gamma", "--", "env", "--chain"]):
        with standing(tmp_path / "one"):
            plain = afresh(argv, world.environ({}))
            found = afresh(argv, world.environ(held))
        assert plain
        assert found
        assert plain[1]
        assert found[1]
        assert alike(found[1], plain[1])
