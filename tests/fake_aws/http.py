"""A request as the services of the fake AWS see it, and the response that they give."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from .errors import constraint

if TYPE_CHECKING:
    from email.message import Message

    from .model import Keys

NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "rds": "http://rds.amazonaws.com/doc/2014-10-31/",
    "ec2": "http://ec2.amazonaws.com/doc/2016-11-15/",
}


@dataclass
class Request:
    """One HTTP request, read whole."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes
    overrides: dict[str, Any] = field(default_factory=dict)
    """What a fault puts in place of fields of credentials; None leaves the field out."""

    def __post_init__(self) -> None:
        """Decode the parameters of the query string, of a form or of a JSON body."""
        self.parameters: dict[str, str] = dict(parse_qsl(self.query, keep_blank_values=True))
        content_type = self.headers.get("Content-Type", "")
        if content_type.startswith("application/x-www-form-urlencoded"):
            self.parameters |= parse_qsl(
                self.body.decode("utf-8", "replace"), keep_blank_values=True
            )
        elif self.body.startswith(b"{"):
            values = self.json()
            self.parameters |= {
                name: v if isinstance(v, str) else json.dumps(v) for name, v in values.items()
            }

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body; an empty one for any other body."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def get(self, name: str) -> str | None:
        """Return a parameter, or None where it was not sent."""
        return self.parameters.get(name)

    def require(self, name: str) -> str:
        """Return a parameter that the API model requires."""
        value = self.parameters.get(name)
        if value is None:
            raise constraint("null", name[0].lower() + name[1:], "Member must not be null")
        return value

    def members(self, name: str) -> list[dict[str, str]]:
        """Return a list, `NAME.member.1.KEY=…`; of a list of texts each has the key `""`."""
        found: dict[int, dict[str, str]] = {}
        for key, value in self.parameters.items():
            if match := re.fullmatch(rf"{name}\.member\.(\d+)(?:\.(.+))?", key):
                found.setdefault(int(match[1]), {})[match[2] or ""] = value
        return [found[index] for index in sorted(found)]

    def header(self, name: str) -> str:
        """Return a header; an empty string where it was not sent."""
        return str(self.headers.get(name, ""))


@dataclass
class Caller:
    """Who signed a request, for which service and region."""

    keys: Keys
    service: str
    region: str


@dataclass
class Response:
    """One HTTP response."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/xml"
    headers: dict[str, str] = field(default_factory=dict)


def element(name: str, value: object) -> str:
    """Return an XML element as the query protocol writes it; None is no element."""
    if value is None:
        return ""
    if isinstance(value, dict):
        text = "".join(element(key, item) for key, item in value.items())
    elif isinstance(value, list):
        text = "".join(element("member", item) for item in value)
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = escape(str(value), {"\r": "&#13;"})
    return f"<{name}>{text}</{name}>"


def result(service: str, action: str, value: dict[str, Any]) -> Response:
    """Return an answer of the query protocol."""
    answer = element(f"{action}Result", value) + element(
        "ResponseMetadata", {"RequestId": REQUEST_ID}
    )
    return Response(
        f'<{action}Response xmlns="{NAMESPACES[service]}">{answer}</{action}Response>'.encode()
    )


def xml_error(code: str, message: str, status: int, service: str = "sts") -> Response:
    """Return an error of the query protocol, or of EC2's own."""
    error = element("Code", code) + element("Message", message)
    if service == "ec2":
        text = f"<Errors><Error>{error}</Error></Errors><RequestID>{REQUEST_ID}</RequestID>"
        return Response(f"<Response>{text}</Response>".encode(), status)
    side = "Sender" if status < 500 else "Receiver"
    text = f"<Error><Type>{side}</Type>{error}</Error><RequestId>{REQUEST_ID}</RequestId>"
    namespace = NAMESPACES.get(service, NAMESPACES["sts"])
    return Response(f'<ErrorResponse xmlns="{namespace}">{text}</ErrorResponse>'.encode(), status)


def json_answer(
    value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(value).encode(), status, "application/json", headers or {})


def json_error(code: str, message: str, status: int) -> Response:
    """Return an error of the REST-JSON protocol, with the fields that OAuth services add."""
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", code.removesuffix("Exception")).lower()
    body = {"__type": code, "message": message, "error": snake, "error_description": message}
    return Response(
        json.dumps(body).encode(), status, "application/json", {"x-amzn-ErrorType": code}
    )


def html(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an HTML page."""
    page = f"<!DOCTYPE html><html><head><title>Fake AWS</title></head><body>{text}</body></html>"
    return Response(page.encode(), status, "text/html", headers or {})


REQUEST_ID = "c6104cbe-af31-11e0-8154-cbc7ccf896c7"
