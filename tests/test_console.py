"""--console opens AWS's console as a role, and shows the way in to nobody else."""

from __future__ import annotations

import http.client
import os
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest

from awsassume import browser, console
from awsassume.errors import ConfigurationFailure, UsageFailure
from tests.chromium import Chromium
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

    Run = Callable[..., Result]


@pytest.fixture
def bob(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Let Bob's keys be the default profile's, and some roles trust him."""
    keys = aws.add_user("Bob")
    role = aws.add_role("example-role", trust=keys, max_session_duration=43200)
    aws.add_role("second", trust=role.arn)
    (home / ".aws/credentials").write_text(
        f"[default]\naws_access_key_id = {keys.access_key_id}\n"
        f"aws_secret_access_key = {keys.secret_access_key}\n"
    )
    (home / ".aws/config").write_text(
        f"[profile second]\nrole_arn = arn:aws:iam::{aws.account}:role/second\nsource_profile = first\n"
        f"[profile first]\nrole_arn = {role.arn}\nsource_profile = default\n"
    )
    for name, value in aws.environ(region="eu-west-1").items():
        monkeypatch.setenv(name, value)
    return keys


def query(link: str) -> dict[str, str]:
    """Return the query of a link."""
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


@pytest.mark.slow
@pytest.mark.usefixtures("bob")
def test_a_browser_is_signed_in(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """A real browser ends at the console as the role, and its command line says nothing of the way in."""
    chromium = Chromium(tmp_path / "chromium")
    done = run("--console", "example-role", "--service", "ec2", environ=chromium.environ)
    assert f'<span id="arn">arn:aws:sts::{aws.account}:assumed-role/example-role/' in chromium.shown
    assert "https://console.aws.amazon.com/ec2/home?region=eu-west-1" in chromium.shown
    (token,) = aws.signin.signin_tokens
    assert chromium.words.startswith("http://127.0.0.1:")
    assert token not in chromium.words + done.stdout + done.stderr
    assert "signed in as example-role, for 60 min" in done.stderr
    assert done.stdout == ""


@pytest.mark.usefixtures("bob")
def test_a_link_can_be_had_instead(aws: FakeAws, run: Run) -> None:
    """With --no-open the link is all that is printed, and it works."""
    done = run("--console", "example-role", "--no-open", "--verbose")
    link = done.stdout.removesuffix("\n")
    with urlopen(link) as page:  # noqa: S310
        assert b"assumed-role/example-role/" in page.read()
    assert (
        query(link)["Destination"] == "https://console.aws.amazon.com/console/home?region=eu-west-1"
    )
    (call,) = aws.calls("getSigninToken")
    assert call.method == "POST"
    assert query(link)["SigninToken"] not in done.stderr
    assert "getSigninToken at " in done.stderr


@pytest.mark.parametrize(
    "words, seconds",
    [
        pytest.param(["example-role"], "3600", id="a role by long-term keys"),
        pytest.param(["example-role", "--duration", "2h"], "7200", id="longer"),
        pytest.param(["second"], None, id="a role by a role"),
        pytest.param(["example-role", "--mfa-serial", "MFA"], None, id="an hour behind a device"),
        pytest.param(
            ["example-role", "--mfa-serial", "MFA", "--duration", "2h"], "7200", id="more behind it"
        ),
    ],
)
def test_a_sign_in_lasts_as_long_as_aws_lets_it(
    aws: FakeAws, bob: Keys, run: Run, words: list[str], seconds: str | None
) -> None:
    """SessionDuration is the role's own where long-term keys assumed it, and is left out where AWS would refuse it."""
    serial = aws.add_mfa(bob).serial
    words = [serial if word == "MFA" else word for word in words]
    run("--console", "--no-open", *words, environ={"AWSASSUME_TOKEN_CODE": "123456"})
    (call,) = aws.calls("getSigninToken")
    assert call.get("SessionDuration") == seconds
    assert call.outcome == "ok"


@pytest.mark.usefixtures("bob")
def test_without_a_role_it_is_what_the_environment_holds(
    aws: FakeAws, run: Run, program: str
) -> None:
    """After an eval it is the role of this shell; AWS_PROFILE names one too; and nothing is an error that says so."""
    line = f'eval "$({program} second)"; {program} --console --no-open'
    done = run(argv=("bash", "-c", line))
    assert next(iter(aws.signin.signin_tokens.values())).startswith(
        f"arn:aws:sts::{aws.account}:assumed-role/second/"
    )
    assert query(done.stdout)["SigninToken"] in aws.signin.signin_tokens
    assert aws.calls("getSigninToken")[0].get("SessionDuration") is None
    run("--console", "--no-open", environ={"AWS_PROFILE": "first"})
    assert "/example-role/" in list(aws.signin.signin_tokens.values())[-1]
    done = run("--console", "--no-open", code=2)
    assert "the environment holds no role" in done.stderr


def test_long_term_keys_are_no_role(bob: Keys, run: Run) -> None:
    """The console takes no IAM user's keys, and the message says what to do."""
    done = run("--console", "--no-open", code=2, environ=dict(bob.environ))
    assert "long-term keys" in done.stderr
    assert "awsassume --console ROLE" in done.stderr


def test_china_has_its_own_console(aws: FakeAws, run: Run) -> None:
    """A role of another partition goes to that partition's console, in a region of it."""
    aws.add_account("111111111111", partition="aws-cn")
    keys = aws.add_user("Li", account="111111111111")
    role = aws.add_role("r", account="111111111111", trust=keys)
    environ = aws.environ(keys, region="cn-north-1")
    done = run("--console", role.arn, "--no-open", environ=environ)
    assert query(done.stdout)["Destination"] == (
        "https://console.amazonaws.cn/console/home?region=cn-north-1"
    )


@pytest.mark.parametrize(
    "partition, signin, home_",
    [
        ("aws", "signin.aws.amazon.com", "console.aws.amazon.com"),
        ("aws-cn", "signin.amazonaws.cn", "console.amazonaws.cn"),
        ("aws-us-gov", "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_its_hosts(partition: str, signin: str, home_: str) -> None:
    """Without an override it is AWS's own sign-in and console of the partition."""
    assert console.federation({}, partition) == f"https://{signin}/federation"
    assert console.destination(partition, None, "s3/home") == f"https://{home_}/s3/home"


@pytest.mark.parametrize(
    "environ, endpoint",
    [
        ({"AWS_ENDPOINT_URL": "https://a.example/"}, "https://a.example/federation"),
        (
            {
                "AWS_ENDPOINT_URL": "https://a.example",
                "AWS_ENDPOINT_URL_SIGNIN": "https://b.example",
            },
            "https://b.example/federation",
        ),
        (
            {
                "AWS_ENDPOINT_URL": "https://a.example",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            },
            "https://signin.aws.amazon.com/federation",
        ),
    ],
)
def test_the_endpoint_is_where_sdks_are_sent(environ: dict[str, str], endpoint: str) -> None:
    """AWS's own variables for the service `signin` hold here too."""
    assert console.federation(environ, "aws") == endpoint


@pytest.mark.parametrize("url", ["http://signin.example", "ftp://127.0.0.1", "signin.example"])
def test_credentials_are_not_sent_in_the_clear(url: str) -> None:
    """An endpoint that others could listen to is refused before anything is sent."""
    with pytest.raises(ConfigurationFailure):
        console.federation({"AWS_ENDPOINT_URL_SIGNIN": url}, "aws")


@pytest.mark.parametrize(
    "service, path",
    [
        ("ec2", "ec2/home"),
        ("cloudwatch/home#logs:", "cloudwatch/home#logs:"),
        ("ssm", "systems-manager/home"),
        (None, ""),
    ],
)
def test_a_service_is_a_page(service: str | None, path: str) -> None:
    """A service's name is its home page; a path is itself."""
    assert console.page(service) == path


@pytest.mark.parametrize("service", ["", "a b", "https://evil.example", "../x", "ec2\n"])
def test_a_page_is_the_consoles_own(service: str) -> None:
    """What could lead elsewhere is refused."""
    with pytest.raises(UsageFailure):
        console.page(service)


def test_the_region_goes_before_the_fragment() -> None:
    """The console reads the region from the query."""
    found = console.destination("aws", "eu-west-1", "cloudwatch/home#logs:")
    assert found == "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logs:"
    assert console.destination("aws", "eu-west-1", "a/b?c=d").endswith("/a/b?c=d&region=eu-west-1")


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    "detail, says",
    [
        (
            {"kind": "error", "code": "X", "status": 400},
            "AWS refused the sign-in of example-role (HTTP 400)",
        ),
        ({"kind": "error", "code": "X", "status": 503}, "HTTP 503"),
        ({"kind": "drop"}, "can't be reached"),
    ],
    ids=["refused", "broken", "gone"],
)
def test_a_refusal_is_told(aws: FakeAws, run: Run, detail: dict[str, object], says: str) -> None:
    """What goes wrong at the sign-in has its sentence and exit code 5, and shows no secret."""
    aws.fault(action="getSigninToken", **detail)  # type: ignore[arg-type]  # a fault's fields
    done = run("--console", "example-role", "--no-open", code=5)
    assert says in done.stderr
    assert done.stdout == ""
    assert not any(
        keys.session_token in done.stderr for keys in aws.keys.values() if keys.session_token
    )


@pytest.mark.usefixtures("bob")
def test_a_browser_that_does_not_start_is_told(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """Where BROWSER can't be run the message says how to see the link; where there is none nothing is asked of AWS."""
    done = run("--console", "example-role", code=5, environ={"BROWSER": str(tmp_path / "none")})
    assert "the browser can't be started" in done.stderr
    assert "--no-open" in done.stderr
    aws.log.clear()
    gone: dict[str, str | None] = dict.fromkeys(
        ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
    )
    done = run("--console", "example-role", code=2, environ=gone)
    assert "no browser can be opened from here" in done.stderr
    assert not aws.calls()


def test_the_page_sends_on_once() -> None:
    """Whoever knows the page's name is sent on, the first time; any other name, and any other host, is nothing."""
    with browser.Page("http://127.0.0.1:9/secret") as page:
        connection = http.client.HTTPConnection("127.0.0.1", page.port)

        def ask(path: str, host: str = "") -> tuple[int, str | None]:
            connection.request("GET", path, headers={"Host": host} if host else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers["Location"]

        name = urlsplit(page.address).path
        assert ask("/") == (404, None)
        assert ask(name, "evil.example") == (403, None)
        assert not page.opened.is_set()
        assert ask(name) == (303, "http://127.0.0.1:9/secret")
        assert ask(name) == (410, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize("user, told", [(0, 303), (65534, 0)], ids=["own", "another's"])
def test_another_users_process_gets_nothing(user: int, told: int) -> None:
    """Somebody who read the page's name in the list of processes is not answered."""
    with browser.Page("http://127.0.0.1:9/secret") as page:
        process = os.fork()
        if not process:
            status = 1
            try:
                os.setuid(user)
                connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=BOUND)
                connection.request("GET", urlsplit(page.address).path)
                status = connection.getresponse().status - 300
            except (http.client.HTTPException, ConnectionError):
                status = 99
            finally:
                os._exit(status)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert code == (told - 300 if told else 99)
        assert page.opened.wait(60 if told else 0) == bool(told)
