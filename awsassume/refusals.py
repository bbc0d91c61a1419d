"""AWS's refusals, and its silence, as ours: a sentence and a next step for each, AWS's own code kept."""

import os
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore import exceptions, parsers

from awsassume import person
from awsassume.clock import OutOfTimeError
from awsassume.errors import (
    ConfigurationFailure,
    Failure,
    RefusedFailure,
    SourceFailure,
    WrongTokenCode,
)

if TYPE_CHECKING:
    from awsassume.sts import Aws

# What botocore raises for an answer that is none: a captive portal's page, a number for a date, half a document.
GARBLED = (parsers.ResponseParserError, KeyError, ValueError, TypeError, AttributeError)
# The codes with which AWS says that it no longer takes, or never took, the credentials that signed a call.
STALE = frozenset(
    ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException")
)

_WRONG_CODE = re.compile(r"invalid MFA one time pass code", re.IGNORECASE)
_WRONG_DEVICE = re.compile(r"unable to validate MFA code|MFA serial number", re.IGNORECASE)
# AWS's code, and for each the sentence about the credentials that signed and the next step.
_UNKNOWN = ("AWS does not know the access key {key} of {whose}", "was it deleted? {renewal}")
_SIGNERS: dict[str, tuple[str, str]] = {
    "ExpiredToken": ("the credentials of {whose} have expired", "{renewal}"),
    "ExpiredTokenException": ("the credentials of {whose} have expired", "{renewal}"),
    "InvalidClientTokenId": _UNKNOWN,
    "UnrecognizedClientException": _UNKNOWN,
    "InvalidAccessKeyId": _UNKNOWN,
    "SignatureDoesNotMatch": (
        "the secret of the access key {key} of {whose} is wrong",
        "give it again; {renewal}",
    ),
    "InvalidSignatureException": (
        "the secret of the access key {key} of {whose} is wrong",
        "give it again; {renewal}",
    ),
}
_OTHERS: dict[str, tuple[str, str]] = {
    "RegionDisabledException": (
        "STS is not active in {region} for this account",
        "activate it under IAM, Account settings; or give --region us-east-1",
    ),
    "MalformedPolicyDocument": (
        "AWS can't read the session policy",
        "check --policy, or policy in the profile, against the policy grammar",
    ),
    "PackedPolicyTooLarge": (
        "the session policies and tags together are too large",
        "give a shorter policy, or fewer policy ARNs and tags",
    ),
    "IDPCommunicationError": ("STS could not reach the identity provider", "try again"),
}
_THROTTLED = frozenset(
    (
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "SlowDown",
    )
)
_SKEWED = frozenset(("RequestTimeTooSkewed", "RequestExpired"))
_SKEW = re.compile(r"signature expired|signature not yet current", re.IGNORECASE)
_SLACK_SECONDS = 60
_LEAST_SERVER_ERROR = 500


def garbled(who: str) -> RefusedFailure:
    """Make the failure for an answer that is none."""
    return RefusedFailure(
        f"the answer was not {who}'s",
        "is a proxy or a captive portal in between? check AWS_ENDPOINT_URL and HTTPS_PROXY",
    )


def explained(error: BaseException, operation: str, aws: "Aws") -> Failure:
    """Make AWS's refusal, or the lack of an answer, a failure that says what to do."""
    name = "".join(word.title() for word in operation.split("_"))
    if isinstance(error, exceptions.ClientError):
        return _refused(error, name, aws)
    return _unreached(error, name, aws)


def _refused(error: exceptions.ClientError, name: str, aws: "Aws") -> Failure:
    details = error.response.get("Error", {})
    code, words = str(details.get("Code", "")), _plain(str(details.get("Message", "")))
    answer = error.response.get("ResponseMetadata", {})
    status = answer.get("HTTPStatusCode", 0)
    if code in _SKEWED or _SKEW.search(words):
        return RefusedFailure(
            f"this machine's clock is wrong{_skew(answer)} ({code})",
            "set it, then try again; see: date -u",
            code,
        )
    if code in _SIGNERS:
        sentence, hint = _SIGNERS[code]
        about = {"key": aws.credentials.access_key_id, "whose": aws.whose, "renewal": aws.renewal}
        return SourceFailure(f"{sentence.format(**about)} ({code})", hint.format(**about), code)
    if code in _OTHERS:
        sentence, hint = _OTHERS[code]
        return RefusedFailure(f"{sentence.format(region=aws.region)} ({code}: {words})", hint, code)
    if code in _THROTTLED:
        return RefusedFailure(
            f"AWS is throttling {name} ({code})", "wait a little, then try again", code
        )
    if code == "AccessDenied" and _WRONG_CODE.search(words):
        return WrongTokenCode(
            f"the MFA code was refused ({code}: {words})",
            "type the code that the device shows next",
            code,
        )
    if code == "AccessDenied" and _WRONG_DEVICE.search(words) and aws.credentials.session_token:
        return RefusedFailure(
            f"no MFA code can go with {aws.whose}, which is temporary: a role has no device, and a user's is given"
            f" with the user's own keys ({code}: {words})",
            "leave mfa_serial out, or give another source: --profile NAME",
            code,
        )
    if code == "AccessDenied" and _WRONG_DEVICE.search(words):
        return RefusedFailure(
            f"the MFA device is not one of the user's ({code}: {words})",
            "check mfa_serial: aws iam list-mfa-devices",
            code,
        )
    if code == "ValidationError" and "DurationSeconds exceeds the MaxSessionDuration" in words:
        return RefusedFailure(
            f"the duration is longer than the role allows ({code}: {words})", None, code
        )
    if not code or code.isdecimal() or status >= _LEAST_SERVER_ERROR:
        return RefusedFailure(
            f"{name} failed at {aws.endpoint(aws.service)}: HTTP {status or code} ({words or code})",
            "try again",
            code,
        )
    return RefusedFailure(f"AWS refused {name}: {words} ({code})", None, code)


def _skew(answer: Mapping[str, Any]) -> str:
    """Say by how much our clock differs from the one of the answer, where that shows."""
    try:
        theirs = parsedate_to_datetime(answer["HTTPHeaders"]["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return ""
    seconds = time.time() - theirs
    if abs(seconds) < _SLACK_SECONDS:
        return ""
    return (
        f": it is {abs(seconds) / 60:.0f} minutes {'ahead of' if seconds > 0 else 'behind'} AWS's"
    )


def _unreached(error: BaseException, name: str, aws: "Aws") -> Failure:
    where = aws.endpoint(aws.service)
    if isinstance(error, OutOfTimeError):
        return RefusedFailure(
            f"{where} did not finish {name} in time",
            "check the network, then try again",
        )
    if isinstance(error, exceptions.ProxyConnectionError):
        proxy = re.sub(r"//[^/@]*@", "//", str(error.kwargs.get("proxy_url") or ""))
        return RefusedFailure(
            f"the proxy {proxy} on the way to {where} can't be reached",
            "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
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
        bundle = aws.ca_bundle
        if bundle and not os.access(os.path.expanduser(bundle), os.R_OK):
            return ConfigurationFailure(
                f"{bundle}, which is to say which certificates are trusted, can't be read",
                "check AWS_CA_BUNDLE, and ca_bundle in the profile",
            )
        return RefusedFailure(
            f"{where} can't be reached for {name}", "check the network, then try again"
        )
    if isinstance(
        error,
        exceptions.UnknownRegionError | exceptions.InvalidRegionError | exceptions.NoRegionError,
    ) or (isinstance(error, ValueError) and "endpoint" in str(error).lower()):
        return ConfigurationFailure(
            f"region {aws.region!r} or its endpoint is not one that can be called: {_plain(str(error))}",
            "check --region, AWS_ENDPOINT_URL and endpoint_url",
        )
    if isinstance(error, (*GARBLED, exceptions.IncompleteReadError)):
        return garbled(aws.service.upper())
    said = _plain(str(error))
    return RefusedFailure(f"{name} failed: {said}", None, quotes=(said,))


def _plain(text: str) -> str:
    return person.plain(text, " ")[:600].strip().rstrip(".")
