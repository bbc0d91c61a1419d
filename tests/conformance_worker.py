"""Real botocore sessions, one a line of standard input: who comes out, or what went wrong."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import botocore.session


def resolve(asked: dict[str, Any]) -> dict[str, str]:
    """Answer one line: the access key id of what comes out, and whom AWS takes it for."""
    environ, profile, arn = asked["environ"], asked["profile"], asked["arn"]
    os.environ.clear()
    os.environ.update(environ)
    session: Any = botocore.session.Session(profile=profile)
    provider = session.get_component("credential_provider").get_provider("assume-role")
    provider._prompter = lambda _: "123456"
    sts = session.create_client("sts")
    if arn:
        answer = sts.assume_role(RoleArn=arn, RoleSessionName="bare")["Credentials"]
        return {"key": answer["AccessKeyId"]}
    sts.get_caller_identity()
    return {"key": session.get_credentials().get_frozen_credentials().access_key}


for line in sys.stdin:
    try:
        answer = resolve(json.loads(line))
    except Exception as error:  # noqa: BLE001  # whatever went wrong is the answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)  # noqa: T201  # it is read by the test
