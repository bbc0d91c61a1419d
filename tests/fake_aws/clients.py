"""Real SDK clients of the fake AWS, and what they are refused."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import FakeAws
    from .control import Remote
    from .model import Keys

ONCE = Config(
    retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5, parameter_validation=False
)
"""A configuration that sends each call once, whatever the model says of its parameters."""
FIELDS = {
    "AccessKeyId": "access_key_id",
    "SecretAccessKey": "secret_access_key",
    "SessionToken": "session_token",
}


@functools.cache
def _session() -> Any:  # noqa: ANN401 - boto3 has no types
    """Return a session that reads no variables and no files of this machine."""
    variables = {
        "profile": (None, None, None, None),
        "config_file": (None, None, "/nonexistent", None),
    }
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))


def client(
    aws: FakeAws | Remote,
    keys: Keys | dict[str, Any] | None,
    service: str = "sts",
    region: str = "eu-west-1",
    **more: Any,  # noqa: ANN401 - what boto3 takes
) -> Any:  # noqa: ANN401 - a client's class is made at run time
    """Return a real client: with a user's keys, an answer's Credentials, or for unsigned calls."""
    arguments: dict[str, Any] = {}
    if isinstance(keys, dict):
        arguments = {f"aws_{FIELDS[name]}": value for name, value in keys.items() if name in FIELDS}
    elif keys is not None:
        arguments = keys.boto3
    arguments = {"endpoint_url": aws.url, "region_name": region, "config": ONCE} | arguments | more
    return _session().client(service, **arguments)


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    """Return the code and the message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]
