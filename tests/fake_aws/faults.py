"""What may go wrong with an answer, on demand."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from .http import Response, html, json_error, xml_error

Kind = Literal[
    "delay", "hold", "hang", "drip", "drop", "drop-midway",
    "status", "throttle", "error", "garbage", "captive-portal", "empty", "body",
    "fields", "wrong-types", "bad-expiration", "no-expiration", "past-expiration", "year-9999",
    "hostile",
]  # fmt: skip

FIELDS: dict[str, dict[str, Any]] = {
    "wrong-types": {"SessionToken": {"Unexpected": "element"}},
    "bad-expiration": {"Expiration": "tomorrow"},
    "no-expiration": {"Expiration": None},
    "past-expiration": {"Expiration": "2001-01-01T00:00:00Z"},
    "year-9999": {"Expiration": "9999-12-31T23:59:59Z"},
    "hostile": {
        "AccessKeyId": "ASIA'\";touch pwned;$(touch pwned)\ntouch pwned\n",
        "SecretAccessKey": "a'b\"c\\d`touch pwned`$(touch pwned);touch pwned\nexport PWNED=1\n",
        "SessionToken": "';touch pwned;'\"$(touch pwned)\" \\'\n!!\r\n%PATH% &touch x& |touch x\\",
    },
}
"""The faults that only change the fields of the credentials in an answer."""


@dataclass
class Fault:
    """One thing that goes wrong with the answers to an action."""

    kind: Kind
    action: str = "*"
    times: int | None = None
    """How many more answers; None for all."""
    seconds: float = 1.0
    """Of a delay, or between the bytes of a drip."""
    status: int | None = None
    """The HTTP status; 500 where none is given, 400 for an error, 200 for a body."""
    code: str = "InternalFailure"
    message: str = "The request processing has failed because of an unknown error."
    body: bytes = b""
    content_type: str = "text/xml"
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    """What takes the place of AccessKeyId and the other three; None leaves a field out."""

    @property
    def overrides(self) -> dict[str, Any]:
        """The fields of credentials that this fault changes."""
        return FIELDS.get(self.kind, self.fields)

    def answer(self, service: str | None) -> Response | None:
        """Return what this fault answers in place of the action; None where the action is done."""
        error = xml_error if service in {None, "sts", "iam", "rds", "ec2"} else json_error
        match self.kind:
            case "status":
                status = self.status or 500
                return error(
                    {503: "ServiceUnavailable"}.get(status, "InternalFailure"), self.message, status
                )
            case "throttle":
                return error("Throttling", "Rate exceeded", 400)
            case "error":
                return error(self.code, self.message, self.status or 400)
            case "garbage":
                return Response(bytes(range(256)) * 4)
            case "captive-portal":
                return html("<h1>Welcome to the hotel</h1><p>Accept our terms to go on.</p>")
            case "empty":
                return Response(b"")
            case "body":
                return Response(self.body, self.status or 200, self.content_type, self.headers)
        return None


@dataclass
class Faults:
    """The faults that are waiting for their calls."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)
    """Set when the answers on hold may go."""

    def add(self, fault: Fault) -> None:
        """Let a fault come, after those of the same action that were asked for earlier."""
        if fault.kind == "hold":
            self.released.clear()
        with self._lock:
            self._faults.append(fault)

    def take(self, action: str) -> Fault | None:
        """Return the fault that the next answer to this action meets."""
        with self._lock:
            for fault in self._faults:
                if fault.action in {"*", action} and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def clear(self) -> None:
        """Let nothing go wrong any more, and let go what is on hold."""
        self.released.set()
        with self._lock:
            self._faults.clear()
