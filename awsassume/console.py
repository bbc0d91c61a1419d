"""Opens the AWS Management Console as a role.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from botocore import exceptions
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from awsassume import browser, chains, display, environment, identity, slow, source, spinner
from awsassume.config import Config
from awsassume.credentials import Credentials, timestamp
from awsassume.errors import ConfigurationFailure, RefusedFailure, SourceFailure, UsageFailure
from awsassume.parameters import CHAINED_SECONDS
from awsassume.plan import Plan
from awsassume.regions import partition_of, region_for
from awsassume.sessions import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.assume import Assumer
    from awsassume.program import Program
    from awsassume.request import Request

SECONDS = 10
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_HOSTS = {
    "aws": ("signin.aws.amazon.com", "console.aws.amazon.com"),
    "aws-cn": ("signin.amazonaws.cn", "console.amazonaws.cn"),
    "aws-us-gov": ("signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
}
# How the sign-in says that it does not take the credentials: in no words.
_STALE = frozenset(("HTTP 400", "HTTP 401", "HTTP 403"))
_SERVICE = re.compile(r"[\w./:#?=&%+@-]+", re.ASCII)
# Where the console's own name is another than the service's.
_PAGES = {
    "logs": "cloudwatch/home#logsV2:log-groups",
    "ssm": "systems-manager",
    "sso": "singlesignon",
    "stepfunctions": "states",
}


class Identity(NamedTuple):
    """Who signs in: credentials, in which partition and region, as what, and how long the sign-in is to last.

    ``seconds`` is ``None`` where AWS allows no SessionDuration: the sign-in then lasts as long as the credentials do.
    ``anew`` gets other credentials where it is AWS that ended these; it raises what it is given where that can't be.
    """

    credentials: Credentials
    partition: str
    region: str | None
    name: str
    seconds: int | None
    anew: Callable[[RefusedFailure], Session] | None = None


def run(program: "Program", request: "Request") -> int:
    """Sign in and open the browser, or print the link. Raises Failure."""
    if not request.no_open and not browser.can_open(program.environ):
        raise UsageFailure(
            "no browser can be opened from here", "see the link with --no-open, or set BROWSER"
        )
    path = page(request.service)
    identity = _as_role(program, request) if request.role else _as_now(program, request)
    if identity.partition not in _HOSTS:
        raise ConfigurationFailure(
            f"the console of partition {identity.partition} is not known to awsassume"
        )
    if identity.credentials.session_token is None:
        raise UsageFailure(
            f"{identity.name} has long-term keys, and the console takes a role's credentials only",
            "run: awsassume --console ROLE",
        )
    endpoint = federation(program.past, identity.partition)
    waiting = spinner.waiting(program, request)

    def tell(text: str) -> None:
        if request.verbose:
            program.say(text)

    def signed_in(identity: Identity) -> str:
        with waiting(f"the sign-in at {urlsplit(endpoint).hostname}"):
            return _signin_token(endpoint, identity, program.past.get("AWS_CA_BUNDLE"), tell)

    try:
        token = signed_in(identity)
    except RefusedFailure as failure:
        if identity.anew is None:
            raise
        identity = identity._replace(credentials=identity.anew(failure).credentials)
        token = signed_in(identity)
    query = {
        "Action": "login",
        "Issuer": "",
        "Destination": destination(identity.partition, identity.region, path),
        "SigninToken": token,
    }
    link = browser.checked(f"{endpoint}?{urlencode(query)}", "the sign-in")
    if request.no_open:
        display.show_lines(program, [[link]])
        return 0
    _open(program, link, waiting)
    if not request.quiet:
        program.say(f"the browser is signed in as {identity.name}, {_until(identity)}")
    return 0


def _open(program: "Program", link: str, waiting: spinner.Waiting) -> None:
    with browser.Page(link) as page, waiting("the browser"):
        opener = browser.Opener(page.address, program.environ)
        until = time.monotonic() + browser.OPEN_SECONDS
        while not page.opened.wait(0.1):
            if opener.has_failed or time.monotonic() > until:
                why = "can't be started" if opener.has_failed else "did not open the page"
                raise RefusedFailure(f"the browser {why}", "see the link with --no-open")


def _until(identity: Identity) -> str:
    if identity.seconds:
        return f"for {identity.seconds // 60} min"
    until = identity.credentials.expiration
    return f"until {timestamp(until)}" if until else "for as long as AWS lets it"


def _as_role(program: "Program", request: "Request") -> Identity:
    assumer = slow.assumer_for(program, request)
    plan = assumer.plan()
    credentials = assumer.obtain(plan).credentials
    # A profile's own credentials (SSO) say nothing of their partition, but its region does.
    region = plan.target.region or _region(program.past)
    arn = plan.hops[0].step.role_arn if plan.hops else ""
    partition = arn.split(":")[1] if arn else partition_of(region or "")
    return Identity(
        credentials,
        partition,
        region_for(partition, region) if region else None,
        plan.target.role,
        _seconds(assumer, plan),
        lambda failure: assumer.obtain_anew(plan, failure, stale=_STALE),
    )


def _seconds(assumer: "Assumer", plan: Plan) -> int | None:
    """Give the SessionDuration, which AWS takes for a role assumed with long-term keys alone."""
    if len(plan.hops) != 1:
        return None
    step = plan.hops[0].step
    # The session behind an MFA device is temporary as well; see Assumer._assumed.
    if step.mfa_serial and step.seconds <= CHAINED_SECONDS:
        return None
    environ, origin = assumer.environ, plan.origin
    if origin.kind == "Environment":
        temporary = environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_SECURITY_TOKEN")
        return None if temporary else step.seconds
    profile = assumer.config.find(origin.name) if origin.kind == "profile" else None
    keys = profile and identity.has_keys(assumer.config, origin)
    if not profile or not keys or profile.get("aws_session_token"):
        return None
    return step.seconds


def _as_now(program: "Program", request: "Request") -> Identity:
    """Take what the environment holds now, ours or not."""
    now = {name: value for name, value in program.environ.items() if name not in environment.OURS}
    slow.take_environment(now)
    config = Config(now)
    chain = chains.default(config)
    passed = chains.passed_over(config, chain)
    if passed:
        program.warn(passed)
    if chain.roles or chain.origin.kind not in {"Environment", "EcsContainer"}:
        named = now.get("AWS_PROFILE") or now.get("AWS_DEFAULT_PROFILE")
        if not named:
            raise UsageFailure("the environment holds no role", "run: awsassume --console ROLE")
        request.role = named
        slow.take_environment(program.past)
        return _as_role(program, request)
    region = request.region or _region(now)
    name = program.environ.get(environment.ROLE, "") if environment.is_ours(program.environ) else ""
    credentials = source.load(config, chain.origin)
    if credentials.expiration and credentials.expiration <= time.time():
        raise SourceFailure(
            f"the credentials of {chain.origin} have expired", "run: awsassume --renew"
        )
    return Identity(
        credentials, partition_of(region or ""), region, name or str(chain.origin), None
    )


def _region(environ: Mapping[str, str]) -> str | None:
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


def page(service: str | None) -> str:
    """Give the path of a page of the console: a service's home, or the path itself. Raises UsageFailure."""
    if service is None:
        return ""
    page = _PAGES.get(service, service).strip("/")
    if not _SERVICE.fullmatch(page) or ".." in page or "://" in page:
        raise UsageFailure(
            f"--service: {service!r} is no page of the console", "give one such as ec2 or s3/home"
        )
    return page if "/" in page else f"{page}/home"


def destination(partition: str, region: str | None, page: str) -> str:
    """Give the address of a page of the console (``""``: its home) in a partition and region."""
    path, hash_, fragment = page.partition("#")
    if not path:
        path = "console/home"
    if region:
        path += f"{'&' if '?' in path else '?'}region={quote(region)}"
    host = _HOSTS[partition][1]
    return f"https://{host}/{path}{hash_}{fragment}"


def federation(environ: Mapping[str, str], partition: str) -> str:
    """Give the federation endpoint: the partition's, or where AWS_ENDPOINT_URL_SIGNIN or AWS_ENDPOINT_URL sends SDKs."""
    named = None
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        named = environ.get("AWS_ENDPOINT_URL_SIGNIN") or environ.get("AWS_ENDPOINT_URL")
    if not named:
        return f"https://{_HOSTS[partition][0]}/federation"
    parts = urlsplit(named)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationFailure(
            f"{named!r} is no endpoint for the sign-in", "check AWS_ENDPOINT_URL_SIGNIN"
        )
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ConfigurationFailure(
            f"the sign-in at {named} would send credentials in the clear",
            "set AWS_ENDPOINT_URL_SIGNIN to an https address",
        )
    return named.rstrip("/") + "/federation"


def _signin_token(
    endpoint: str, identity: Identity, ca_bundle: str | None, tell: Callable[[str], None]
) -> str:
    """Trade the credentials for a sign-in token, which holds for 15 minutes. Raises RefusedFailure."""
    keys = identity.credentials
    session = {
        "sessionId": keys.access_key_id,
        "sessionKey": keys.secret_access_key,
        "sessionToken": keys.session_token,
    }
    form = {"Action": "getSigninToken", "Session": json.dumps(session)}
    if identity.seconds:
        form["SessionDuration"] = str(identity.seconds)
    # In the body: an address is written into the logs of every proxy on the way. botocore's client follows no redirect, so
    # that the credentials go nowhere but where they were sent.
    asked = AWSRequest("POST", endpoint, headers=_FORM, data=urlencode(form)).prepare()
    http = URLLib3Session(
        verify=ca_bundle or True,  # type: ignore[arg-type]  # a path, as botocore itself gives it
        proxies=get_environ_proxies(endpoint),
        timeout=SECONDS,
    )
    began = time.monotonic()
    try:
        answer = http.send(asked)
        status, body = answer.status_code, answer.content
    except exceptions.HTTPClientError:
        raise RefusedFailure(
            f"{endpoint} can't be reached for the sign-in", "check the network, then try again"
        ) from None
    tell(f"getSigninToken at {endpoint}: HTTP {status} after {_spent(began)}")
    if status != 200:  # noqa: PLR2004  # HTTP's OK
        hint = "try again" if status >= 500 else "the credentials must be a live role's"  # noqa: PLR2004  # HTTP's server errors
        said = f"HTTP {status}"
        raise RefusedFailure(f"AWS refused the sign-in of {identity.name} ({said})", hint, said)
    try:
        return str(json.loads(body)["SigninToken"])
    except (ValueError, KeyError, TypeError):
        raise RefusedFailure(
            f"the answer of {endpoint} was no sign-in token", "check AWS_ENDPOINT_URL_SIGNIN"
        ) from None


def _spent(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} ms"
