"""What others send to a login, by the browser or in place of the sign-on, neither ends it nor leads anywhere."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import pytest

from awsassume import browser
from awsassume.errors import RefusedFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

    Run = Callable[..., Result]

CONFIG = """
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1

[profile old]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = Developer
"""
# As a browser that has another page open, which knocks at the callback before the sign-on is done.
BROWSER = """#!{python}
import http.client, json, os, sys
from urllib.parse import parse_qs, urlsplit

def get(link):
    place = urlsplit(link)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    connection.request("GET", place.path + "?" + place.query)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["Location"]

_, sign_on = get(sys.argv[1])
query = parse_qs(urlsplit(sign_on).query)
callback, state = query["redirect_uri"][0], query["state"][0]
knocks = {knocks!r}
said = [get(callback + knock.replace("STATE", state))[0] for knock in knocks]
_, back = get(sign_on)
said.append(get(back)[0])
open({file!r} + ".part", "w").write(json.dumps(said))
os.replace({file!r} + ".part", {file!r})
"""
KNOCKS = [
    pytest.param("?state=x&code=c", id="another state"),
    pytest.param("?code=c", id="no state"),
    pytest.param("?state=&code=c", id="an empty state"),
    pytest.param("?state=x&error=access_denied", id="a refusal"),
    pytest.param("?state=x&state=STATE&code=c", id="two states"),
    pytest.param("?state=STATEx&code=c", id="a longer state"),
    pytest.param("?state=%ff%00&code=c", id="no text"),
    pytest.param("?state=STATE", id="neither code nor refusal"),
    pytest.param("", id="no query"),
]


@pytest.fixture(autouse=True)
def _sign_on(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.sso.interval = 0
    aws.sso.add_role("Developer")
    (home / ".aws/config").write_text(CONFIG)
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)


def knocking_browser(place: Path, knocks: list[str]) -> tuple[dict[str, str], Path]:
    """Return the environment with a browser that knocks, and the file that it writes the statuses to."""
    script, file = place / "browser", place / "said"
    script.write_text(BROWSER.format(python=sys.executable, knocks=knocks, file=str(file)))
    script.chmod(0o755)
    return {"BROWSER": str(script)}, file


def test_a_knock_is_no_answer(home: Path, run: Run, tmp_path: Path) -> None:
    """Whatever comes without the secret state is passed over, and the login goes on until the browser comes back."""
    knocks = [str(param.values[0]) for param in KNOCKS]
    environ, file = knocking_browser(tmp_path, knocks)
    done = run("--login", "corp", environ=environ)
    assert "logged in to " in done.stderr
    # The browser outlives the login.
    until = time.monotonic() + 120
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert json.loads(file.read_text()) == [404] * len(knocks) + [200]
    assert len(list((home / ".aws/sso/cache").iterdir())) == 1


@pytest.mark.parametrize("knock", KNOCKS)
def test_a_page_waits_on(knock: str) -> None:
    """Each such knock is a page that is not there; the answer that is waited for is heard once."""
    page = browser.Page(callback="/back")
    assert page.answer("/back" + knock.replace("STATE", page.state)).status == 404
    assert not page.query
    good = f"/back?code=c&state={page.state}"
    assert page.answer(good).status == 200
    assert page.query["code"] == "c"
    assert page.answer(good.replace("=c", "=d")).status == 404
    assert page.query["code"] == "c"


LINKS = [
    pytest.param("javascript:alert(1)", id="a script"),
    pytest.param("file:///etc/passwd", id="a file"),
    pytest.param("data:text/html,x", id="data"),
    pytest.param("http://device.sso.example/?user_code=A", id="in the clear"),
    pytest.param("http://127.0.0.1.sso.example/", id="a name that looks local"),
    pytest.param("https://a.example/\r\nSet-Cookie: a=b", id="a line more"),
    pytest.param("https://a.example/\n", id="a line's end"),
    pytest.param("https://a.example/\x1b]52;c;YQ==\x07", id="a terminal's command"),
    pytest.param("https://a.example/\u202ekcart", id="turned round"),
    pytest.param("https://a.example/\x9b", id="C1"),
    pytest.param(" https://a.example/", id="a space"),
    pytest.param("java\tscript:alert(1)", id="a tab in the scheme"),
    pytest.param("https:///path", id="no host"),
    pytest.param("//a.example/", id="no scheme"),
    pytest.param("https://[", id="no address"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_is_not_sent_on_as_it_came(link: str) -> None:
    """A browser is sent to https alone, and a person shown nothing else."""
    with pytest.raises(RefusedFailure):
        browser.checked(link, "it")


@pytest.mark.parametrize(
    "link", ["https://a.example/?b=c#d", "http://127.0.0.1:9/", "http://[::1]:9/"]
)
def test_a_good_link_is(link: str) -> None:
    """As is plain HTTP to this machine, where tests and proxies live."""
    assert browser.checked(link, "it") == link


@pytest.mark.parametrize("link", [LINKS[0], LINKS[3], LINKS[5], LINKS[7]])
@pytest.mark.parametrize("words", [["--no-open"], []], ids=["shown", "opened"])
def test_a_sign_ons_bad_link_is_refused(
    aws: FakeAws, home: Path, run: Run, tmp_path: Path, link: str, words: list[str]
) -> None:
    """It is told, with exit code 5; no browser is started, and nothing of it reaches the terminal as it came."""
    answer = {
        "deviceCode": "d",
        "userCode": "ABCD-EFGH",
        "verificationUri": link,
        "verificationUriComplete": link,
        "expiresIn": 600,
        "interval": 0,
    }
    body = json.dumps(answer).encode()
    aws.fault("body", "StartDeviceAuthorization", body=body, content_type="application/json")
    environ, _ = knocking_browser(tmp_path, [])
    script = tmp_path / "browser"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    done = run("--login", "old", *words, code=5, environ=environ)
    assert "no https address" in done.stderr
    assert done.stdout == ""
    assert not any(char in done.stderr for char in "\r\x1b")
    assert not (tmp_path / "started").exists()
    assert not any(path.is_file() for path in (home / ".aws/sso").rglob("*"))
