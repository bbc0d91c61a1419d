"""The check of a request's signature, version 4, from its own headers.

Follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from .errors import AwsError

if TYPE_CHECKING:
    from .http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_SECONDS = 300
TIMESTAMP = "%Y%m%dT%H%M%SZ"
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<key>[^/,]*)/(?P<date>\d*)/(?P<region>[^/,]*)/(?P<service>[^/,]*)"
    r"/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[^,]*),\s*Signature=(?P<signature>\w*)"
)


@dataclass
class Scope:
    """What an Authorization header says."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: list[str]
    signature: str


def read_scope(request: Request) -> Scope | None:
    """Return what the Authorization header says; None where there is none in this scheme."""
    match = AUTHORIZATION.fullmatch(request.header("Authorization"))
    if match is None:
        return None
    return Scope(
        match["key"],
        match["date"],
        match["region"],
        match["service"],
        match["headers"].split(";"),
        match["signature"],
    )


def signature(request: Request, scope: Scope, secret_access_key: str) -> str:
    """Return the signature that this request has when made with this secret key."""
    stamp = request.header("X-Amz-Date")
    content = hashlib.sha256(request.body).hexdigest()
    if request.header("X-Amz-Content-SHA256") == "UNSIGNED-PAYLOAD":
        content = "UNSIGNED-PAYLOAD"
    names = {name: ",".join(request.headers.get_all(name, [])) for name in scope.signed_headers}
    canonical = [
        request.method,
        quote(request.path, safe="/~"),
        "&".join(sorted(request.query.split("&"))),
        *(f"{name}:{' '.join(value.split())}" for name, value in names.items()),
        "",
        ";".join(scope.signed_headers),
        content,
    ]
    parts = [scope.date, scope.region, scope.service, "aws4_request"]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = f"AWS4{secret_access_key}".encode()
    for part in parts:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join([ALGORITHM, stamp, "/".join(parts), digest])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def check(request: Request, scope: Scope, secret_access_key: str) -> None:
    """Raise SignatureDoesNotMatch unless the request was signed with this secret key."""
    required = (
        {"host", "x-amz-security-token"} if request.header("X-Amz-Security-Token") else {"host"}
    )
    expected = signature(request, scope, secret_access_key)
    if not required <= set(scope.signed_headers) or not hmac.compare_digest(
        expected, scope.signature
    ):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details.",
            403,
        )


def check_clock(request: Request, now: float) -> None:
    """Raise SignatureDoesNotMatch where the caller's clock is more than five minutes off."""
    stamp = request.header("X-Amz-Date")
    try:
        signed = timegm(time.strptime(stamp, TIMESTAMP))
    except ValueError:
        message = "Authorization header requires existence of a valid 'X-Amz-Date' header."
        raise AwsError("IncompleteSignature", message) from None

    def show(seconds: float) -> str:
        return time.strftime(TIMESTAMP, time.gmtime(seconds))

    wrong = None
    if signed < now - SKEW_SECONDS:
        limit = f"{show(now - SKEW_SECONDS)} ({show(now)} - 5 min.)"
        wrong = f"Signature expired: {stamp} is now earlier than {limit}"
    elif signed > now + SKEW_SECONDS:
        limit = f"{show(now + SKEW_SECONDS)} ({show(now)} + 5 min.)"
        wrong = f"Signature not yet current: {stamp} is still later than {limit}"
    if wrong:
        raise AwsError("SignatureDoesNotMatch", wrong, 403)
