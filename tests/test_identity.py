"""Whoever is behind a login, a process or a machine now is who comes out now, whatever was kept of those before.

Each answer is held against that of a real botocore session in the same circumstances, as in tests/test_conformance.py.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, write
from tests.fake_aws import FakeAws

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conftest import Result

    Run = Callable[..., Result]
    Way = tuple[str, ...]
    Asked = Callable[..., Way]

URL = "https://example.awsapps.com/start"
SSO = "sso_account_id = 123456789012\nsso_role_name = Developer\n"
LEGACY = f"[profile login]\n{SSO}sso_start_url = {URL}\nsso_region = us-east-1\n"
SESSION = (
    f"[profile login]\n{SSO}sso_session = corp\n"
    f"[sso-session corp]\nsso_start_url = {URL}\nsso_region = us-east-1\n"
)
ROLE = "[profile role]\nrole_arn = {role}\nsource_profile = login\nrole_session_name = me\n"
SHARED = "arn:aws:iam::123456789012:role/shared"
AS_SHARED = ROLE.format(role=SHARED)
# Prints the keys of whom a variable names, or else a file beside it.
GIVE = """import json, os, pathlib
here = pathlib.Path(__file__)
with here.with_suffix(".asked").open("a") as asked:
    asked.write("x")
who = os.environ.get("WHO") or here.with_suffix(".who").read_text()
print(json.dumps({"Version": 1, **json.loads(here.with_suffix(".json").read_text())[who]}))
"""
WORKER = Path(__file__).with_name("conformance_worker.py")
AT_ONCE = 20


@pytest.fixture(autouse=True)
def _shared(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a role that everybody may assume, and have every process call the fake AWS."""
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    assert aws.add_role("shared", trust="*").arn == SHARED


@pytest.fixture
def who(aws: FakeAws, run: Run) -> Asked:
    """Return a function that says who a profile is, by lineage, and holds that a botocore session is the same."""

    def who(profile: str = "role", environ: Mapping[str, str | None] | None = None) -> Way:
        said = run(profile, "--credential-process", environ=environ)
        ours = way(aws, said)
        assert ours == botocore(aws, profile, environ)
        return ours

    return who


def way(aws: FakeAws, said: Result) -> Way:
    """Give the bare names on the way to the identity that was printed: users, sessions and subjects."""
    return names(aws, json.loads(said.stdout)["AccessKeyId"])


def names(aws: FakeAws, access_key_id: str) -> Way:
    """Give the bare names on the way to a key."""
    keys = aws.keys[access_key_id]
    return tuple(arn.rpartition("/")[2] for arn in (*keys.lineage, keys.arn))


def botocore(aws: FakeAws, profile: str, environ: Mapping[str, str | None] | None) -> Way:
    """Ask a botocore session in a process of its own."""
    merged = {**os.environ, **(environ or {})}
    variables = {name: value for name, value in merged.items() if value is not None}
    asked = {"environ": variables, "profile": profile, "arn": None}
    done = subprocess.run(
        [sys.executable, str(WORKER)],
        input=json.dumps(asked) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert "key" in answer, answer
    return names(aws, answer["key"])


def actions(aws: FakeAws, run: Run, profile: str = "role") -> list[str]:
    """Run awsassume; give the actions that AWS saw of it."""
    seen = len(aws.calls())
    run(profile, "--credential-process")
    return [call.action for call in aws.calls()[seen:]]


def settle() -> None:
    """Let the file system's clock go on, so that what was just written may be remembered."""
    time.sleep(0.1)


class Giver:
    """A credential_process that prints the keys of Bob or Eve, and how often it was asked."""

    def __init__(self, aws: FakeAws, place: Path, home: Path, *, temporary: bool) -> None:
        self.script = place / "give.py"
        self.script.write_text(GIVE)
        printed = {}
        for name in ("bob", "eve"):
            keys = aws.add_user(name)
            if temporary:
                keys = aws.issue(keys.owner, None, 3600)
            printed[name] = {
                "AccessKeyId": keys.access_key_id,
                "SecretAccessKey": keys.secret_access_key,
            }
            if keys.session_token and keys.expiration:
                printed[name]["SessionToken"] = keys.session_token
                until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(keys.expiration))
                printed[name]["Expiration"] = until
        self.script.with_suffix(".json").write_text(json.dumps(printed))
        self.be("bob")
        process = f"[profile login]\ncredential_process = {sys.executable} {self.script}\n"
        write(home, process + AS_SHARED)

    def be(self, name: str) -> None:
        """Answer for this user from now on."""
        self.script.with_suffix(".who").write_text(name)

    @property
    def asked(self) -> int:
        """How often it was started."""
        file = self.script.with_suffix(".asked")
        return len(file.read_text()) if file.exists() else 0


@pytest.fixture(params=[False, True], ids=["keys", "temporary"])
def giver(request: pytest.FixtureRequest, aws: FakeAws, tmp_path: Path, home: Path) -> Giver:
    """Give a process whose answer changes, with a user's own keys and with temporary ones."""
    return Giver(aws, tmp_path, home, temporary=request.param)


@pytest.mark.parametrize("profile", ["login", "role"])
@pytest.mark.parametrize("kind", ["legacy", "session"])
def test_who_logs_in_to_sso_is_who_comes_out(
    aws: FakeAws, home: Path, who: Asked, kind: str, profile: str
) -> None:
    """Jane's sessions are not John's, who logged in after her under the same profile; and hers are hers again."""
    aws.sso.add_role("Developer")
    write(home, (LEGACY if kind == "legacy" else SESSION) + AS_SHARED)
    session = None if kind == "legacy" else "corp"
    cache = home / ".aws/sso/cache"
    token = aws.sso.write_token(cache, URL, session=session, refreshable=kind == "session")
    kept = token.read_bytes()
    first = who(profile)
    assert "jane" in first
    aws.sso.user = "john"
    aws.sso.write_token(cache, URL, session=session, refreshable=kind == "session")
    second = who(profile)
    assert "john" in second
    assert "jane" not in second
    token.write_bytes(kept)
    assert who(profile) == first


def test_nobody_is_who_has_logged_out(aws: FakeAws, home: Path, run: Run) -> None:
    """After `aws sso logout`, or without the token, a session that was kept is nobody's."""
    aws.sso.add_role("Developer")
    write(home, SESSION + AS_SHARED)
    token = aws.sso.write_token(home / ".aws/sso/cache", URL, session="corp", refreshable=True)
    run("role")
    settle()
    run("role")
    token.unlink()
    assert "has expired or was never made" in run("role", code=4).stderr


def test_the_same_login_is_asked_once(aws: FakeAws, home: Path, run: Run) -> None:
    """A login that stays costs nothing: what was had with it is found the fast way."""
    aws.sso.add_role("Developer")
    write(home, SESSION + AS_SHARED)
    aws.sso.write_token(home / ".aws/sso/cache", URL, session="corp", refreshable=True)
    settle()
    assert actions(aws, run) == ["GetRoleCredentials", "AssumeRole"]
    for _ in range(3):
        assert "remembered" in run("role", "--verbose").stderr or actions(aws, run) == []
    assert actions(aws, run) == []


def test_a_token_that_is_renewed_costs_one_session(aws: FakeAws, home: Path, run: Run) -> None:
    """It is renewed by botocore while it is loaded; what is had then is kept for the new one."""
    aws.sso.add_role("Developer")
    write(home, SESSION + AS_SHARED)
    cache = home / ".aws/sso/cache"
    aws.sso.write_token(cache, URL, session="corp", refreshable=True, seconds=300)
    first = actions(aws, run)
    assert first.count("AssumeRole") == 1
    assert "CreateToken" in first
    assert actions(aws, run) == []
    assert actions(aws, run) == []


def test_who_logs_in_while_another_is_loaded_is_who_comes_out(
    aws: FakeAws, home: Path, who: Asked, run: Run
) -> None:
    """What came of a login that was just replaced is not kept as anybody's, and nobody is given it."""
    aws.sso.add_role("Developer")
    write(home, SESSION + AS_SHARED)
    cache = home / ".aws/sso/cache"
    token = aws.sso.write_token(cache, URL, session="corp")
    janes = token.read_bytes()
    aws.fault("hold", "GetRoleCredentials", times=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, "role", "--credential-process")
        aws.wait_for("GetRoleCredentials")
        aws.sso.user = "john"
        aws.sso.write_token(cache, URL, session="corp")
        aws.release()
        assert way(aws, running.result())[0] == "john"
    assert actions(aws, run) == []
    token.write_bytes(janes)
    assert who()[0] == "jane"


@pytest.mark.parametrize("by", ["environment", "profile"])
def test_each_sign_on_has_sessions_of_its_own(
    aws: FakeAws, home: Path, who: Asked, run: Run, by: str
) -> None:
    """Where a variable or a service's section sends to another, what the first gave is not used."""
    with FakeAws() as other:
        for each in (aws, other):
            each.sso.add_role("Developer")
        other.sso.user = "john"
        token = aws.sso.write_token(home / ".aws/sso/cache", URL, session="corp")
        other.sso.tokens[json.loads(token.read_bytes())["accessToken"]] = (2e9, "john")

        def told_by(each: FakeAws) -> dict[str, str | None]:
            if by == "environment":
                write(home, SESSION)
                return {"AWS_ENDPOINT_URL_SSO": each.url}
            place = f"  endpoint_url = {each.url}\n"
            section = f"[services mine]\nsso =\n{place}sts =\n{place}"
            config = SESSION.replace("sso_session = corp", "sso_session = corp\nservices = mine")
            write(home, config + section)
            # It is louder than a service's section.
            return {"AWS_ENDPOINT_URL": None}

        assert who("login", told_by(aws)) == ("jane",)
        said = run("login", "--credential-process", environ=told_by(other))
        assert way(other, said) == ("john",)


@pytest.mark.parametrize("profile", ["login", "role"])
@pytest.mark.parametrize("how", ["variable", "elsewhere"])
def test_a_process_is_who_it_says_now(giver: Giver, who: Asked, how: str, profile: str) -> None:
    """Nothing that we could watch need change for it to answer with somebody else."""
    found = []
    for name in ("bob", "eve", "bob"):
        if how == "variable":
            found.append(who(profile, {"WHO": name})[0])
        else:
            giver.be(name)
            found.append(who(profile)[0])
    assert found == ["bob", "eve", "bob"]


def test_a_process_is_asked_each_time_and_aws_once(aws: FakeAws, giver: Giver, run: Run) -> None:
    """Its answer says which session is right; the session is there already."""
    assert actions(aws, run) == ["AssumeRole"]
    for _ in range(2):
        assert actions(aws, run) == []
    assert giver.asked == 3


def test_a_process_is_started_once_a_call(giver: Giver, run: Run) -> None:
    """Also where it gives another user than before, or fails: what it printed is read by botocore then."""
    run("role")
    for number, (name, code) in enumerate([("eve", 0), ("nobody", 4), ("nobody", 4), ("bob", 0)]):
        giver.be(name)
        said = run("role", "--credential-process", code=code)
        assert giver.asked == number + 2
        assert ("KeyError: 'nobody'" in said.stderr) == (name == "nobody")


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "no JSON",
        "[]",
        "null",
        '{"Version": 2}',
        '{"Version": 1}',
        '{"Version": 1, "AccessKeyId": 1, "SecretAccessKey": []}',
        '{"Version": 1, "AccessKeyId": "A B", "SecretAccessKey": "x"}',
        '{"Version": 1, "AccessKeyId": "ASIA", "SecretAccessKey": "x", "SessionToken": {}}',
        "\udcff",
        "[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_an_error_at_any_time(
    giver: Giver, run: Run, printed: str
) -> None:
    """The session that is kept is not used, and the words are those of a first call."""
    run("role")
    giver.script.write_bytes(f"print(end={printed!r})".encode("utf-8", "surrogatepass"))
    if printed == "\udcff":
        giver.script.write_text("import sys; sys.stdout.buffer.write(bytes([255]))")
    kept = run("role", code=4)
    first = run("role", code=4, environ={"AWSASSUME_CACHE_DIR": str(giver.script.parent / "new")})
    assert kept.stdout == first.stdout == "false;\n"
    assert kept.stderr == first.stderr
    assert "Traceback" not in kept.stderr


def test_a_process_is_started_in_the_same_way_each_time(giver: Giver, run: Run) -> None:
    """Its words, its variables, its streams and its directory are those that botocore gives it."""
    giver.script.write_text(
        "import os, sys\n"
        "inherited = [n for n in sorted(map(int, os.listdir('/proc/self/fd'))) if n > 2]\n"
        "seen = (sys.argv, dict(os.environ), os.getcwd(), os.readlink('/proc/self/fd/0')[:5], inherited[:-1])\n"
        "open(sys.argv[0] + '.seen', 'a').write(repr(seen) + '\\n')\n" + GIVE
    )
    environ = {"AWS_DATA_PATH": "/nowhere", "AWSASSUME_CALLERS": "above", "WHO": "eve"}
    for _ in range(3):
        run("role", "--format", "env", environ=environ)
    seen = Path(f"{giver.script}.seen").read_text().splitlines()
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert "'AWSASSUME_CALLERS': 'above\\nlogin'" in seen[0]


def test_a_loop_of_processes_is_found_at_any_time(home: Path, giver: Giver, run: Run) -> None:
    """A process that comes to ask for its own profile is told so, and does not ask for ever."""
    run("role")
    program = run("--version").args[0]
    giver.script.write_text(
        f"import subprocess\nsubprocess.run([{program!r}, 'role', '--credential-process'], check=True)"
    )
    assert "goes in a loop: login → login" in run("role", code=4).stderr
    del home


def test_many_at_once_ask_a_process_a_few_times(aws: FakeAws, giver: Giver, run: Run) -> None:
    """Those who wait for the one who asks take its answer: twenty are no twenty windows of a browser."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda _: run("role", "--credential-process"), range(AT_ONCE)))
    assert {way(aws, each)[0] for each in said} == {"bob"}
    assert [call.action for call in aws.calls()].count("AssumeRole") == 1
    assert giver.asked < AT_ONCE


def test_of_many_at_once_each_has_the_answer_to_its_own_question(
    aws: FakeAws, giver: Giver, run: Run
) -> None:
    """Who waits takes no answer that was given in another environment or directory."""
    del giver
    wanted = ["bob", "eve"] * (AT_ONCE // 2)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(
            lambda name: run("role", "--credential-process", environ={"WHO": name}), wanted
        )
        assert [way(aws, each)[0] for each in said] == wanted


def test_the_failure_of_another_question_is_not_passed_on(
    aws: FakeAws, giver: Giver, run: Run
) -> None:
    """Those for whom the process fails say so; the others have their answer."""
    del giver
    wanted = ["bob", "nobody"] * 4
    with ThreadPoolExecutor(8) as pool:
        said = pool.map(
            lambda name: run("role", "--credential-process", environ={"WHO": name}, code=None),
            wanted,
        )
        assert [each.code for each in said] == [0, 4] * 4
    del aws


def test_what_aws_refuses_to_another_is_not_passed_on(
    aws: FakeAws, giver: Giver, home: Path, run: Run
) -> None:
    """A role that trusts Bob alone is refused to Eve, in her own name, and had by Bob at the same time."""
    bob = aws.keys[json.loads(giver.script.with_suffix(".json").read_text())["bob"]["AccessKeyId"]]
    arn = aws.add_role("bobs", trust=bob.owner).arn
    config = (home / ".aws/config").read_text()
    write(home, config.replace(SHARED, arn))
    wanted = ["bob", "eve"] * 5
    with ThreadPoolExecutor(len(wanted)) as pool:
        said = list(
            pool.map(
                lambda name: run("role", "--credential-process", environ={"WHO": name}, code=None),
                wanted,
            )
        )
    assert [each.code for each in said] == [0, 5] * 5, [each.stderr for each in said]
    assert all("user/eve is not authorized" in each.stderr for each in said[1::2])


@pytest.mark.parametrize("kind", ["EcsContainer", "Ec2InstanceMetadata"])
def test_a_machine_is_who_it_is_now(
    aws: FakeAws, home: Path, who: Asked, run: Run, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance's role may be replaced, and a container's address may be answered for another task."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/container/credentials")
    write(home, AS_SHARED.replace("source_profile = login", f"credential_source = {kind}"))
    roles = [aws.add_role(name, trust="*") for name in ("one", "two")]
    found = []
    for role in (*roles, roles[0]):
        aws.metadata.container_role = aws.metadata.instance_role = role
        said = run("role", "--credential-process")
        assert way(aws, said) == who()
        found.append(aws.keys[json.loads(said.stdout)["AccessKeyId"]].lineage[0].split("/")[1])
    assert found == ["one", "two", "one"]
    assert "AssumeRole" not in actions(aws, run)


def test_who_logs_in_with_aws_login_is_who_comes_out(
    aws: FakeAws, home: Path, who: Asked, run: Run
) -> None:
    """Its tokens change every quarter of an hour and its key with each login: another's login is another's."""
    pytest.importorskip("awscrt")
    bob, eve = aws.add_user("Bob"), aws.add_user("Eve")
    write(home, f"[profile login]\nlogin_session = {bob.arn}\n{AS_SHARED}")
    cache = home / ".aws/login/cache"
    aws.signin.write_login(cache, bob.arn, bob)
    assert who() == ("Bob", "me")
    file = aws.signin.write_login(cache, bob.arn, eve)
    assert who() == ("Eve", "me")
    # What a renewal writes: other tokens, the same key.
    login = json.loads(file.read_bytes())
    login["refreshToken"] = "another"
    file.write_text(json.dumps(login))
    assert actions(aws, run) == []


def token_of(aws: FakeAws, subject: str, **claims: object) -> str:
    """Make a web identity's token, whose signature the fake does not look at."""
    said = json.dumps({"iss": "https://accounts.example.com", "sub": subject, **claims})
    payload = base64.urlsafe_b64encode(said.encode()).rstrip(b"=").decode()
    return aws.add_web_identity(f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2ln", subject=subject)


@pytest.mark.parametrize("by", ["profile", "environment"])
def test_a_web_identity_is_the_subject_of_its_token(
    aws: FakeAws,
    home: Path,
    run: Run,
    who: Asked,
    tmp_path: Path,
    by: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine's token is replaced every hour and its subject stays; another subject's session is another."""
    web = aws.add_role("web", trust="*", trusted_actions=["sts:AssumeRoleWithWebIdentity"])
    file = tmp_path / "token"
    if by == "profile":
        identity = (
            f"role_arn = {web.arn}\nweb_identity_token_file = {file}\nrole_session_name = web\n"
        )
        write(home, f"[profile login]\n{identity}{AS_SHARED}")
    else:
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(file))
        monkeypatch.setenv("AWS_ROLE_ARN", web.arn)
        write(home, AS_SHARED.replace("source_profile = login\n", ""))

    def ours() -> str:
        return way(aws, run("role", "--credential-process"))[0]

    file.write_text(token_of(aws, "one", exp=1, jti="a"))
    assert ours() == "accounts.example.com:one"
    file.write_text(token_of(aws, "one", exp=2, jti="b"))
    assert actions(aws, run) == []
    file.write_text(token_of(aws, "two", exp=2, jti="c"))
    assert ours() == "accounts.example.com:two"
    if by == "profile":
        assert who("role")[0] == "accounts.example.com:two"


def test_a_web_identity_of_a_pipe_is_read_by_botocore_alone(
    aws: FakeAws, home: Path, run: Run
) -> None:
    """What we took out of a pipe to look at, the provider would not find there."""
    web = aws.add_role("web", trust="*", trusted_actions=["sts:AssumeRoleWithWebIdentity"])
    write(home, AS_SHARED.replace("source_profile = login\n", ""))
    token = token_of(aws, "one")
    script = (
        f"AWS_ROLE_ARN={web.arn} AWS_WEB_IDENTITY_TOKEN_FILE=<(printf %s '{token}') exec \"$@\""
    )
    program = run("--version").args[0]
    said = run("_", program, "role", "--credential-process", argv=("bash", "-c", script))
    assert way(aws, said)[0] == "accounts.example.com:one"


def test_the_same_keys_are_the_same_user_by_whatever_way(
    aws: FakeAws, home: Path, run: Run, tmp_path: Path
) -> None:
    """What a profile with Bob's keys got, a process that prints them need not ask AWS for again."""
    giver = Giver(aws, tmp_path, home, temporary=False)
    printed = json.loads(giver.script.with_suffix(".json").read_text())["bob"]
    bob = aws.keys[printed["AccessKeyId"]]
    config = (home / ".aws/config").read_text()
    write(home, f"[profile login]\n{lines_of(bob)}{AS_SHARED}")
    assert actions(aws, run) == ["AssumeRole"]
    write(home, config)
    assert actions(aws, run) == []
