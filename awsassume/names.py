"""The ARN of a role of which only the name is known: looked up as AWS's article does, and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from awsassume import private, record
from awsassume.errors import RefusedFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsassume import sts

FOLDER = "names"
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM")


class Found(NamedTuple):
    """What a look-up gave: the ARN, ``None`` where no such role is; the account; and the names of its roles.

    ``guessed`` is true where ListRoles was denied, and the ARN is the one of a role without a path.
    """

    arn: str | None
    account_id: str
    names: tuple[str, ...]
    guessed: bool


def key(identity: str, name: str, environ: Mapping[str, str], region: str | None) -> str:
    """Name the file that remembers a role's ARN: for one source identity, at one place."""
    from awsassume import source

    places = (environ.get(variable, "") for variable in _ENDPOINTS)
    return source.digest("name", identity, name, *places, str(region))


def remembered(cache: str | None, key: str) -> str | None:
    """Give the ARN that a name was last found to be, if it was. Raises private.UntrustedError."""
    if cache is None:
        return None
    try:
        if not (private.trust(cache) and private.trust(f"{cache}/{FOLDER}")):
            return None
        data = private.read(f"{cache}/{FOLDER}/{key}")
    except OSError:
        return None
    return dict(record.load(data or b"") or ()).get("role_arn")


def remember(cache: str, key: str, arn: str) -> None:
    """Keep an ARN. Raises private.UntrustedError or OSError."""
    private.make(cache)
    private.write(f"{cache}/{FOLDER}/{key}", record.dump([("role_arn", arn)]))


def look_up(aws: sts.Aws, name: str) -> Found:
    """Find a role by its name, or by its path and name, in the caller's account. Raises what AWS's refusals become.

    GetCallerIdentity, which needs no permission, then ListRoles through all its pages.
    """
    from awsassume import sts

    identity = sts.caller_identity(aws)
    account = identity["Account"]
    try:
        roles = sts.list_roles(aws)
    except RefusedFailure as failure:
        if "AccessDenied" not in failure.code:
            raise
        partition = identity["Arn"].split(":")[1]
        return Found(f"arn:{partition}:iam::{account}:role/{name}", account, (), guessed=True)
    arn = next((arn for arn in roles if name in {_name(arn), arn.partition(":role/")[2]}), None)
    return Found(arn, account, tuple(map(_name, roles)), guessed=False)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
