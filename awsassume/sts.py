"""STS and IAM: AssumeRole, GetSessionToken, GetCallerIdentity, ListRoles; and AWS's errors as ours."""

import math
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import botocore.config
import botocore.loaders
from botocore import exceptions, parsers

from awsassume.config import Config, Profile
from awsassume.credentials import Credentials
from awsassume.errors import ConfigurationFailure, RefusedFailure, SourceFailure, WrongTokenCode
from awsassume.sessions import LONGEST_SECONDS
from awsassume.spinner import Waiting, silent

CONNECT_SECONDS = 3
READ_SECONDS = 10
# The Rust SDK kills a credential_process at 21 seconds, so 20 are all there is: 14 for AWS, or 15 of waiting for another
# process (which has its 14, and a second to be done) and 5 for AWS.
CALL_SECONDS = 14
LEAST_SECONDS = 5
ATTEMPTS = 3
_HOME_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}
_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
_SERVICES = ["account", "iam", "signin", "sso", "sso-oidc", "sts"]


class _Loader(botocore.loaders.Loader):
    """botocore's loader, told which services there are: it lists every one of four hundred for each client otherwise."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  # botocore's own signature
        return _SERVICES


class OutOfTimeError(BaseException):
    """The time that AWS has in all is used up.

    No ``Exception``: urllib3 and botocore would take it for a connection that broke, and try once more.
    """


# What botocore raises for an answer that is none: a captive portal's page, a number for a date, half a document.
_GARBLED = (parsers.ResponseParserError, KeyError, ValueError, TypeError, AttributeError)


class Clock:
    """What is left of the seconds that AWS has, over all calls of one run; a person typing a code is not counted."""

    def __init__(self, seconds: float = CALL_SECONDS, waiting: Waiting = silent) -> None:
        self.left = seconds
        self._waiting = waiting

    def spend(self, seconds: float) -> None:
        """Take off what went by without AWS; something is left for it in any case."""
        self.left = max(min(self.left, LEAST_SECONDS), self.left - max(0.0, seconds))

    @contextmanager
    def running(self, what: str) -> Iterator[None]:
        """Show that ``what`` is waited for, and stop it when the time is up. Raises OutOfTimeError."""
        with self._waiting(what), self._running():
            yield

    @contextmanager
    def _running(self) -> Iterator[None]:
        if (
            not hasattr(signal, "setitimer")
            or threading.current_thread() is not threading.main_thread()
        ):
            yield
            return

        def ring(*_: object) -> None:
            raise OutOfTimeError

        if self.left <= 0:
            raise OutOfTimeError
        began = time.monotonic()
        earlier = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, self.left)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, earlier)
            self.left -= time.monotonic() - began


def partition_of(region: str) -> str:
    """Tell the partition of a region by its name; ``aws`` where nothing says otherwise."""
    for prefix, partition in _PREFIXES.items():
        if region.startswith(prefix):
            return partition
    return "aws"


def region_for(partition: str, *wanted: str | None) -> str:
    """Give the first wanted region that is in the partition, else the partition's first."""
    for region in wanted:
        if region and partition_of(region) == partition:
            return region
    return _HOME_REGIONS.get(partition, "us-east-1")


class Aws:
    """AWS as seen from one profile, in one region, with one set of credentials."""

    def __init__(  # these are what a call depends on
        self,
        config: Config,
        profile: Profile | None,
        region: str,
        credentials: Credentials,
        clock: Clock,
        tell: Callable[[str], None],
    ) -> None:
        self.region = region
        self.credentials = credentials
        self.service = "sts"
        self._clock = clock
        self._tell = tell
        self._session = config.session(profile.name if profile else None)
        self._session.register_component("data_loader", _Loader())
        self._clients: dict[str, Any] = {}

    def call(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        """Call AWS. Raises what ``explained`` makes of what went wrong."""
        self.service = service
        began = time.monotonic()
        try:
            with self._clock.running(f"{service.upper()} in {self.region}"):
                answer = getattr(self.client(service), operation)(**parameters)
        except (
            exceptions.ClientError,
            exceptions.BotoCoreError,
            OutOfTimeError,
            *_GARBLED,
        ) as error:
            failure = explained(error, operation, self)
            self._tell(
                f"{service}:{operation} in {self.region}: {getattr(failure, 'code', '') or 'no answer'} after {_spent(began)}"
            )
            raise failure from None
        self._tell(f"{service}:{operation} in {self.region}: {_spent(began)}")
        return dict(answer)

    def endpoint(self, service: str) -> str:
        """Give the endpoint's URL, for messages."""
        client = self._clients.get(service)
        return str(client.meta.endpoint_url) if client else service

    def client(self, service: str) -> Any:  # noqa: ANN401  # botocore makes the class at run time
        """Give the client of a service."""
        if service not in self._clients:
            keys = self.credentials
            self._clients[service] = self._session.create_client(
                service,
                region_name=self.region,
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
                aws_session_token=keys.session_token,
                config=botocore.config.Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                ),
            )
        return self._clients[service]


def _spent(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} ms"


def assume_role(aws: Aws, parameters: dict[str, Any]) -> Credentials:
    """Call AssumeRole. Raises RefusedFailure, SourceFailure or ConfigurationFailure."""
    account = str(parameters["RoleArn"]).split(":")[4]
    return session_credentials(aws.call("sts", "assume_role", **parameters), account)


def get_session_token(aws: Aws, serial: str, code: str) -> Credentials:
    """Call GetSessionToken with an MFA code, for as long as AWS gives without asking: twelve hours."""
    return session_credentials(
        aws.call("sts", "get_session_token", SerialNumber=serial, TokenCode=code), None
    )


def caller_identity(aws: Aws) -> dict[str, str]:
    """Call GetCallerIdentity, which needs no permission: Account, Arn, UserId."""
    answer = aws.call("sts", "get_caller_identity")
    try:
        return {name: str(answer[name]) for name in ("Account", "Arn", "UserId")}
    except KeyError:
        raise _garbled("GetCallerIdentity") from None


def list_roles(aws: Aws) -> list[str]:
    """Give the ARNs of the account's roles, as the article finds them: ListRoles, through all its pages."""
    found: list[str] = []
    marker: dict[str, str] = {}
    while True:
        answer = aws.call("iam", "list_roles", **marker)
        found += [str(role["Arn"]) for role in answer.get("Roles", [])]
        if not answer.get("IsTruncated") or not answer.get("Marker"):
            return found
        marker = {"Marker": answer["Marker"]}


def session_credentials(answer: dict[str, Any], account_id: str | None) -> Credentials:
    """Read the Credentials of an answer. Raises RefusedFailure for what is none, so that nothing bad is ever kept."""
    given = answer.get("Credentials") or {}
    until = given.get("Expiration")
    if not isinstance(until, datetime):
        raise _garbled("STS")
    expiration = math.floor(until.astimezone(UTC).timestamp())
    now = time.time()
    if expiration <= now:
        raise RefusedFailure(
            f"STS gave credentials that ended at {until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}, before they were given",
            "check this machine's clock: date -u",
        )
    if expiration - now > LONGEST_SECONDS:
        raise RefusedFailure(
            f"STS gave credentials that would end in {until.year}; no session lasts so long",
            "check this machine's clock, and AWS_ENDPOINT_URL: is this STS?",
        )
    try:
        return Credentials(
            given["AccessKeyId"],
            given["SecretAccessKey"],
            given["SessionToken"],
            expiration,
            account_id,
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise _garbled("STS") from None


def _garbled(who: str) -> RefusedFailure:
    return RefusedFailure(
        f"the answer was not {who}'s",
        "is a proxy or a captive portal in between? check AWS_ENDPOINT_URL and HTTPS_PROXY",
    )


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:600].strip().rstrip(".")


_TOKEN_CODE = re.compile(
    r"MultiFactorAuthentication failed|invalid MFA one time pass code|TokenCode", re.IGNORECASE
)

# AWS's code, and for each the sentence and the next step. {who} is the operation; AWS's own words follow where they help.
_CODES: dict[str, tuple[str, str | None]] = {
    "ExpiredToken": (
        "the source credentials have expired",
        "get new ones, or give another source: --profile NAME",
    ),
    "ExpiredTokenException": (
        "the source credentials have expired",
        "get new ones, or give another source: --profile NAME",
    ),
    "InvalidClientTokenId": (
        "AWS does not know the source's access key {key}",
        "was it deleted, or is it another partition's? run: aws configure list",
    ),
    "UnrecognizedClientException": (
        "AWS does not know the source's access key {key}",
        "was it deleted, or is it another partition's? run: aws configure list",
    ),
    "SignatureDoesNotMatch": (
        "the secret of the source's access key {key} is wrong",
        "run: aws configure, and paste the secret again",
    ),
    "InvalidAccessKeyId": (
        "AWS does not know the source's access key {key}",
        "run: aws configure list",
    ),
}
_REFUSALS: dict[str, tuple[str, str | None]] = {
    "RegionDisabledException": (
        "STS is not active in {region} for this account",
        "activate it under IAM, Account settings; or give --region us-east-1",
    ),
    "MalformedPolicyDocument": (
        "AWS can't read the session policy",
        "check --policy against the policy grammar",
    ),
    "PackedPolicyTooLarge": (
        "the session policies and tags together are too large",
        "give a shorter --policy, or fewer --tag",
    ),
    "IDPCommunicationError": ("STS could not reach the identity provider", "try again"),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it, then try again: date -u"),
}
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
}


def explained(
    error: BaseException, operation: str, aws: Aws
) -> RefusedFailure | SourceFailure | ConfigurationFailure | Any:  # noqa: ANN401
    """Make AWS's refusal, or the lack of an answer, a sentence and a next step; AWS's code is kept."""
    name = "".join(word.title() for word in operation.split("_"))
    if isinstance(error, exceptions.ClientError):
        return _refused(error, name, aws)
    return _unreached(error, name, aws)


def _coded(failure: SourceFailure, code: str) -> SourceFailure:
    failure.code = code  # type: ignore[attr-defined]  # kept for --verbose
    return failure


def _refused(error: exceptions.ClientError, name: str, aws: Aws) -> Any:  # noqa: ANN401  # a RefusedFailure or a SourceFailure
    details = error.response.get("Error", {})
    code, words = str(details.get("Code", "")), _plain(str(details.get("Message", "")))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "SignatureDoesNotMatch" and "expired" in words.lower():
        code = "RequestTimeTooSkewed"
    if code in _CODES:
        sentence, hint = _CODES[code]
        return _coded(
            SourceFailure(f"{sentence.format(key=aws.credentials.access_key_id)} ({code})", hint),
            code,
        )
    if code in _REFUSALS:
        sentence, hint = _REFUSALS[code]
        return RefusedFailure(f"{sentence.format(region=aws.region)} ({code}: {words})", hint, code)
    if code in _THROTTLED:
        return RefusedFailure(
            f"AWS is throttling {name} ({code})", "wait a little, then try again", code
        )
    if code == "AccessDenied" and _TOKEN_CODE.search(words):
        return WrongTokenCode(
            f"the MFA code was refused ({code}: {words})",
            "type the code that the device shows next",
            code,
        )
    if code == "ValidationError" and "DurationSeconds exceeds the MaxSessionDuration" in words:
        return RefusedFailure(
            f"the duration is longer than the role allows ({code}: {words})", None, code
        )
    if not code or code.isdecimal() or status >= 500:  # noqa: PLR2004  # HTTP's server errors
        return RefusedFailure(
            f"{name} failed at {aws.endpoint('sts')}: HTTP {status or code} ({words or code})",
            "try again",
            code,
        )
    return RefusedFailure(f"AWS refused {name}: {words} ({code})", None, code)


def _unreached(error: BaseException, name: str, aws: Aws) -> RefusedFailure | ConfigurationFailure:
    where = aws.endpoint(aws.service)
    if isinstance(error, OutOfTimeError):
        return RefusedFailure(
            f"{where} did not finish {name} in time",
            "check the network, then try again",
        )
    if isinstance(error, exceptions.ProxyConnectionError):
        return RefusedFailure(
            f"the proxy on the way to {where} can't be reached", "check HTTPS_PROXY and NO_PROXY"
        )
    if isinstance(error, exceptions.SSLError):
        return RefusedFailure(
            f"the TLS certificate of {where} is not trusted",
            "check AWS_CA_BUNDLE, or the proxy in between",
        )
    if isinstance(error, exceptions.ConnectTimeoutError | exceptions.ReadTimeoutError):
        return RefusedFailure(
            f"{where} did not answer {name} in time", "check the network, then try again"
        )
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return RefusedFailure(
            f"{where} can't be reached for {name}", "check the network, then try again"
        )
    if isinstance(
        error,
        exceptions.UnknownRegionError | exceptions.InvalidRegionError | exceptions.NoRegionError,
    ) or (isinstance(error, ValueError) and "endpoint" in str(error).lower()):
        return ConfigurationFailure(
            f"region {aws.region!r} or its endpoint is not one that can be called: {_plain(str(error))}",
            "check --region and endpoint_url",
        )
    if isinstance(error, (*_GARBLED, exceptions.IncompleteReadError)):
        return _garbled("STS")
    return RefusedFailure(f"{name} failed: {_plain(str(error))}", None)
