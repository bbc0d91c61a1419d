"""STS and IAM: AssumeRole, GetSessionToken, GetCallerIdentity, ListRoles; and AWS's errors as ours."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import botocore.config
import botocore.loaders
from botocore import exceptions

from awsassume.clock import Clock, OutOfTimeError
from awsassume.config import Config, Profile
from awsassume.credentials import Credentials
from awsassume.errors import RefusedFailure
from awsassume.refusals import GARBLED, explained, garbled
from awsassume.sessions import LONGEST_SECONDS

CONNECT_SECONDS = 3
READ_SECONDS = 10
ATTEMPTS = 3
NOT_AWS = "nothing was kept; check AWS_ENDPOINT_URL and endpoint_url: is this AWS?"
_SERVICES = ["account", "iam", "signin", "sso", "sso-oidc", "sts"]


class _Loader(botocore.loaders.Loader):
    """botocore's loader, told which services there are: it lists every one of four hundred for each client otherwise."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  # botocore's own signature
        return _SERVICES


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
        *,
        whose: str = "the source",
        renewal: str = "get new ones, or give another source: --profile NAME",
    ) -> None:
        self.region = region
        self.credentials = credentials
        self.service = "sts"
        # For messages: whose credentials these are, and how to get new ones.
        self.whose = whose
        self.renewal = renewal
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
            *GARBLED,
        ) as error:
            failure = explained(error, operation, self)
            self._tell(
                f"{service}:{operation} in {self.region}: {failure.code or 'no answer'} after {_spent(began)}"
            )
            raise failure from None
        self._tell(f"{service}:{operation} in {self.region}: {_spent(began)}")
        return dict(answer)

    def endpoint(self, service: str) -> str:
        """Give the endpoint's URL, for messages."""
        client = self._clients.get(service)
        return str(client.meta.endpoint_url) if client else service

    @property
    def ca_bundle(self) -> str | None:
        """The file of trusted certificates that was named, if one was."""
        named = self._session.get_config_variable("ca_bundle")
        return None if named is None else str(named)

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
    """Call AssumeRole. Raises RefusedFailure, SourceFailure or ConfigurationFailure.

    An answer that names another role, account or session name than was asked for is refused.
    """
    answer = aws.call("sts", "assume_role", **parameters)
    _, partition, _, _, account, resource = str(parameters["RoleArn"]).split(":", 5)
    role, name = resource.rpartition("/")[2], str(parameters["RoleSessionName"])
    asked = f"arn:{partition}:sts::{account}:assumed-role/{role}/"
    given = str((answer.get("AssumedRoleUser") or {}).get("Arn") or "nobody")
    # IAM knows no two roles whose names differ in the case of letters alone.
    if given[: len(asked)].lower() != asked.lower() or given[len(asked) :] != name:
        raise RefusedFailure(
            f"{asked}{name} was asked for, and STS answered with credentials of {given}", NOT_AWS
        )
    return session_credentials(answer, account)


def get_session_token(aws: Aws, serial: str, code: str) -> Credentials:
    """Call GetSessionToken with an MFA code, for as long as AWS gives without asking: twelve hours."""
    return session_credentials(
        aws.call("sts", "get_session_token", SerialNumber=serial, TokenCode=code), None
    )


def caller_identity(aws: Aws) -> dict[str, str]:
    """Call GetCallerIdentity, which needs no permission: Account, Arn, UserId."""
    answer = aws.call("sts", "get_caller_identity")
    try:
        found = {name: str(answer[name]) for name in ("Account", "Arn", "UserId")}
    except KeyError:
        raise garbled("GetCallerIdentity") from None
    if found["Arn"].split(":")[4:5] != [found["Account"]]:
        raise RefusedFailure(
            f"STS says that {found['Arn']} is of account {found['Account']}", NOT_AWS
        )
    return found


def list_roles(aws: Aws, identity: dict[str, str]) -> list[str]:
    """Give the ARNs of the account's roles, as the article finds them: ListRoles, through all its pages.

    ``identity`` is whom ``caller_identity`` found. Raises RefusedFailure for a role of another account than the caller's.
    """
    own = f"arn:{identity['Arn'].split(':')[1]}:iam::{identity['Account']}:role/"
    found: list[str] = []
    marker: dict[str, str] = {}
    while True:
        answer = aws.call("iam", "list_roles", **marker)
        for role in answer.get("Roles", []):
            arn = str(role["Arn"])
            if not arn.startswith(own):
                raise RefusedFailure(
                    f"ListRoles named {arn}, which is no role of account {identity['Account']}",
                    NOT_AWS,
                )
            found.append(arn)
        if not answer.get("IsTruncated") or not answer.get("Marker"):
            return found
        marker = {"Marker": answer["Marker"]}


def session_credentials(answer: dict[str, Any], account_id: str | None) -> Credentials:
    """Read the Credentials of an answer. Raises RefusedFailure for what is none, so that nothing bad is ever kept."""
    given = answer.get("Credentials") or {}
    until = given.get("Expiration")
    if not isinstance(until, datetime):
        raise garbled("STS")
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
        raise garbled("STS") from None
