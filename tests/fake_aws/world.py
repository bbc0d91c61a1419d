"""Everything that the fake AWS holds, and how to fill it."""

from __future__ import annotations

import base64
import math
import secrets
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import policy, sigv4
from .errors import AwsError, invalid_token
from .http import Caller
from .metadata import Metadata
from .model import Account, Document, Keys, MfaDevice, Role, User, unique_id
from .signin import Signin
from .sso import Sso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .http import Request

ACCOUNT = "123456789012"
ASSUME = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
Principals = str | list[str] | Document | Keys | Role | User | None
"""Who is trusted: ARNs, an account, `*`, the thing itself, a policy; None: the role's account."""


class World:
    """Accounts, users, roles, devices and keys; and the settings that change how they behave.

    `lifetime`: seconds that temporary credentials live, whatever was asked for, unless it is None.
    `page_size`: the most roles on a page of ListRoles.
    `clock_offset`: seconds that AWS's clock is ahead of this machine's.
    `check_clock`: whether a signature must be at most five minutes old, as real ones must.
    `packed_policy_limit`: bytes of policies and tags at which a request is too large.
    `disabled_regions`: regions in which STS is not activated.
    `sso`, `metadata`, `signin`: the services beside STS and IAM, with settings of their own.
    """

    def __init__(self, account: str = ACCOUNT) -> None:
        """Make a world with one empty account."""
        self.lock = threading.RLock()
        self.account = account
        self.empty()

    def empty(self) -> None:
        """Forget everything, and take back every setting."""
        with self.lock:
            self.lifetime: float | None = None
            self.page_size = 100
            self.clock_offset = 0.0
            self.check_clock = True
            self.packed_policy_limit = 4096
            self.disabled_regions: set[str] = set()
            self.accounts = {self.account: Account(self.account)}
            self.users: dict[str, User] = {}
            self.roles: dict[str, Role] = {}
            self.keys: dict[str, Keys] = {}
            self.devices: dict[str, MfaDevice] = {}
            self.web_identities: dict[str, dict[str, Any]] = {}
            self.sso = Sso(self)
            self.metadata = Metadata()
            self.signin = Signin(self)

    def now(self) -> float:
        """Return AWS's time, in seconds since the epoch."""
        return time.time() + self.clock_offset

    def add_account(
        self, account: str, *, partition: str = "aws", alias: str | None = None
    ) -> Account:
        """Make an account, or change it; accounts that are named elsewhere make themselves."""
        self.accounts[account] = Account(account, partition, alias)
        return self.accounts[account]

    def arn(self, service: str, account: str, resource: str) -> str:
        """Return an ARN in the partition of the account."""
        partition = self.accounts.setdefault(account, Account(account)).partition
        return f"arn:{partition}:{service}::{account}:{resource}"

    def add_user(
        self,
        name: str = "Bob",
        *,
        account: str | None = None,
        path: str = "/",
        allow: Iterable[str] = ("*",),
        deny: Iterable[str] = (),
        policy_document: Document | None = None,
        tags: dict[str, str] | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
    ) -> Keys:
        """Make an IAM user and return its access key.

        `allow` and `deny` list actions: `ACTION` or `ACTION RESOURCE`, with `*` as in a policy.
        """
        account = account or self.account
        policies = [policy.document(allow, deny), *([policy_document] if policy_document else [])]
        with self.lock:
            user = User(
                name,
                self.arn("iam", account, f"user{path}{name}"),
                account,
                policies,
                tags=tags or {},
            )
            self.users[user.arn] = user
            return self.add_key(
                user, access_key_id=access_key_id, secret_access_key=secret_access_key
            )

    def add_key(
        self,
        user: User | Keys,
        *,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
    ) -> Keys:
        """Return one more access key of a user."""
        if isinstance(user, Keys):
            assert isinstance(user.owner, User)
            user = user.owner
        keys = Keys(
            access_key_id or unique_id("AKIA"),
            secret_access_key or _secret(30),
            user.arn,
            user.id,
            user.account,
            user,
            tags=user.tags,
        )
        self.keys[keys.access_key_id] = keys
        return keys

    def add_role(
        self,
        name: str = "example-role",
        *,
        account: str | None = None,
        path: str = "/",
        trust: Principals = None,
        condition: Document | None = None,
        external_id: str | None = None,
        mfa: bool = False,
        trusted_actions: Iterable[str] = ASSUME,
        max_session_duration: int = 3600,
        allow: Iterable[str] = ("*",),
        deny: Iterable[str] = (),
    ) -> Role:
        """Make a role; `external_id`, `mfa` and `condition` are conditions of its trust policy."""
        account = account or self.account
        conditions: Document = dict(condition or {})
        if external_id is not None:
            conditions.setdefault("StringEquals", {})["sts:ExternalId"] = external_id
        if mfa:
            conditions.setdefault("Bool", {})["aws:MultiFactorAuthPresent"] = "true"
        with self.lock:
            document = self._trust(trust, account, list(trusted_actions), conditions)
            arn = self.arn("iam", account, f"role{path}{name}")
            role = Role(
                name,
                path,
                arn,
                account,
                document,
                [policy.document(allow, deny)],
                max_session_duration,
            )
            self.roles[arn] = role
            return role

    def _trust(
        self, trust: Principals, account: str, actions: list[str], conditions: Document
    ) -> Document:
        if isinstance(trust, dict):
            return trust
        if trust is None:
            trust = self.arn("iam", account, "root")
        principal: Any = trust if isinstance(trust, str | list) else trust.arn
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions}
        if conditions:
            statement["Condition"] = conditions
        return {"Version": "2012-10-17", "Statement": [statement]}

    def add_mfa(
        self,
        user: Keys | User | str,
        *,
        codes: Iterable[str] = ("123456",),
        once: bool = False,
        name: str | None = None,
    ) -> MfaDevice:
        """Give a user an MFA device that accepts these token codes, each once only if asked so."""
        arn = user if isinstance(user, str) else user.arn
        account = arn.split(":")[4]
        serial = self.arn("iam", account, f"mfa/{name or arn.rpartition('/')[2]}")
        self.devices[serial] = MfaDevice(serial, arn, set(codes), once)
        return self.devices[serial]

    def add_web_identity(
        self,
        token: str,
        *,
        subject: str = "web-user",
        provider: str = "accounts.example.com",
        expired: bool = False,
    ) -> str:
        """Let a web identity token be accepted; a role trusts it by `Federated` or `*`."""
        self.web_identities[token] = {"subject": subject, "provider": provider, "expired": expired}
        return token

    def issue(self, owner: User | Role, name: str | None, seconds: float, **more: Any) -> Keys:  # noqa: ANN401
        """Return new temporary credentials of a user, or of a role's session of this name.

        They end at a whole second, as real ones do, and not before `seconds` have passed.
        """
        arn, user_id = owner.arn, owner.id
        if isinstance(owner, Role):
            arn = self.arn("sts", owner.account, f"assumed-role/{owner.name}/{name}")
            user_id = f"{owner.id}:{name}"
        lifetime = self.lifetime if self.lifetime is not None else seconds
        keys = Keys(
            unique_id("ASIA"),
            _secret(30),
            arn,
            user_id,
            owner.account,
            owner,
            session_token=f"IQoJb3JpZ2luX2VjE//{_secret(240)}==",
            expiration=math.ceil(self.now() + lifetime),
            **more,
        )
        with self.lock:
            self.keys[keys.access_key_id] = keys
        return keys

    def expire_now(self, access_key_id: str | None = None) -> None:
        """Let temporary credentials have expired: those of one key, or all issued so far."""
        with self.lock:
            for keys in list(self.keys.values()):
                if keys.temporary and access_key_id in {None, keys.access_key_id}:
                    self.keys[keys.access_key_id] = replace(keys, expiration=int(self.now()) - 1)

    def revoke(self, access_key_id: str) -> None:
        """Let a key be unknown from now on."""
        with self.lock:
            self.keys.pop(access_key_id, None)

    def whose(self, access_key_id: str) -> str:
        """Return the ARN that a key stands for."""
        return self.keys[access_key_id].arn

    def authenticate(self, request: Request) -> Caller:
        """Return who signed a request; AwsError where nobody did who may."""
        scope = sigv4.read_scope(request)
        if scope is None:
            if request.header("Authorization"):
                message = "Authorization header requires 'Credential' parameter."
                raise AwsError("IncompleteSignature", message)
            raise AwsError(
                "MissingAuthenticationToken", "Request is missing Authentication Token", 403
            )
        keys = self.keys.get(scope.access_key_id)
        if keys is None or request.header("X-Amz-Security-Token") != (keys.session_token or ""):
            raise invalid_token()
        if keys.expiration is not None and keys.expiration <= self.now():
            raise AwsError(
                "ExpiredToken", "The security token included in the request is expired", 403
            )
        sigv4.check(request, scope, keys.secret_access_key)
        if self.check_clock:
            sigv4.check_clock(request, self.now())
        return Caller(keys, scope.service, scope.region)

    def allows(
        self, keys: Keys, action: str, resource: str, context: policy.Context | None = None
    ) -> str:
        """Return what the identity's policies, and its session's, say: as `policy.decide`."""
        decision = policy.decide(keys.owner.policies, action, resource, context)
        if decision == "allowed" and keys.session_policies:
            return policy.decide(keys.session_policies, action, resource, context)
        return decision


def _secret(size: int) -> str:
    """Return a secret as AWS makes them, with `+` and `/` in it."""
    return base64.b64encode(secrets.token_bytes(size - 3) + b"\xfb\xef\xff").decode()
