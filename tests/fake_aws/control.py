"""The fake AWS's own HTTP interface, under `/_fake/`, for use from another process.

| request | does |
|---|---|
| `GET /_fake/calls?action=NAME` | answers `{"calls": […]}` |
| `POST /_fake/clear-calls` | forgets the calls |
| `POST /_fake/fault` `{"kind": …, "action": …}` | lets a fault come, as `FakeAws.fault` |
| `POST /_fake/clear-faults` | lets nothing go wrong any more |
| `POST /_fake/release` | lets the answers go that a fault keeps on hold |
| `POST /_fake/state` | adds what a state file holds |
| `POST /_fake/expire` `{"access_key_id": …}` | lets temporary credentials expire |
| `POST /_fake/reset` | forgets everything |
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

from .http import json_answer, json_error

if TYPE_CHECKING:
    from .aws import FakeAws
    from .http import Request, Response

State = dict[str, Any]
"""`settings`, and lists of `accounts`, `users`, `roles`, `mfa`: arguments of what adds each."""


def load(aws: FakeAws, state: State) -> dict[str, list[Any]]:
    """Fill an AWS as a state says; return users' keys, roles' ARNs, devices' serials."""
    for name, value in state.get("settings", {}).items():
        if not hasattr(aws, name):
            raise AttributeError(name)
        setattr(aws, name, set(value) if isinstance(value, list) else value)
    for item in state.get("accounts", []):
        aws.add_account(**item)
    users = [aws.add_user(**item) for item in state.get("users", [])]
    return {
        "users": [{"arn": keys.arn, **keys.environ} for keys in users],
        "roles": [aws.add_role(**item).arn for item in state.get("roles", [])],
        "mfa": [aws.add_mfa(**item).serial for item in state.get("mfa", [])],
    }


def answer(aws: FakeAws, request: Request) -> Response:
    """Answer a request to `/_fake/`."""
    verb = request.path.removeprefix("/_fake/")
    detail = request.json()
    try:
        match verb:
            case "calls":
                calls = aws.calls(request.get("action"))
                return json_answer({"calls": [call.as_dict() for call in calls]})
            case "clear-calls":
                aws.log.clear()
            case "fault":
                aws.fault(**detail)
            case "clear-faults":
                aws.clear_faults()
            case "release":
                aws.release()
            case "state":
                return json_answer(load(aws, detail))
            case "expire":
                aws.expire_now(**detail)
            case "reset":
                aws.empty()
            case _:
                return json_error("NotFound", verb, 404)
    except (TypeError, AttributeError) as error:
        return json_error("BadRequest", str(error), 400)
    return json_answer({})


class Remote:
    """A fake AWS that runs in another process, by its URL."""

    def __init__(self, url: str) -> None:
        """Remember the URL."""
        self.url = url

    def ask(self, verb: str, **detail: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send one request to `/_fake/VERB`."""
        request = urllib.request.Request(f"{self.url}/_fake/{verb}", json.dumps(detail).encode())  # noqa: S310
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return dict(json.load(response))

    def calls(self, action: str | None = None) -> list[dict[str, Any]]:
        """Return the calls so far, of one action or all."""
        detail = {"action": action} if action else {}
        return list(self.ask("calls", **detail)["calls"])

    def fault(self, kind: str, action: str = "*", **detail: Any) -> None:  # noqa: ANN401
        """Let a fault come."""
        self.ask("fault", kind=kind, action=action, **detail)
