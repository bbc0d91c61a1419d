"""The things that the fake AWS knows: accounts, users, roles, MFA devices and keys."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
Document = dict[str, Any]
"""A policy document, as its JSON reads."""


def unique_id(prefix: str) -> str:
    """Return an identifier as IAM makes them: four letters and sixteen of base32."""
    return prefix + "".join(secrets.choice(BASE32) for _ in range(16))


@dataclass
class Account:
    """An AWS account."""

    id: str
    partition: str = "aws"
    alias: str | None = None


@dataclass
class User:
    """An IAM user, with what its policies allow."""

    name: str
    arn: str
    account: str
    policies: list[Document]
    id: str = field(default_factory=lambda: unique_id("AIDA"))
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Role:
    """An IAM role, with who may assume it and what it may do then."""

    name: str
    path: str
    arn: str
    account: str
    trust: Document
    policies: list[Document]
    max_session_duration: int = 3600
    """In seconds."""
    id: str = field(default_factory=lambda: unique_id("AROA"))


@dataclass
class MfaDevice:
    """A virtual MFA device and the token codes that it accepts."""

    serial: str
    user_arn: str
    codes: set[str]
    once: bool = False
    """Whether each code is accepted once only, as the real ones are."""


@dataclass(frozen=True)
class Keys:
    """An access key: a user's own, or a temporary one; and whom it stands for."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    arn: str
    """The caller's ARN, as GetCallerIdentity gives it."""
    user_id: str
    account: str
    owner: User | Role = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: int | None = None
    """In seconds since the epoch; None for a user's own key."""
    mfa: bool = False
    chained: bool = False
    """Whether a role's session was taken with temporary credentials."""
    session_policies: tuple[Document, ...] = ()
    source_identity: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    transitive_tag_keys: frozenset[str] = frozenset()
    lineage: tuple[str, ...] = ()
    """The ARNs of those who assumed one role after the other on the way to this session; a web identity is its subject."""

    @property
    def temporary(self) -> bool:
        """Whether these are temporary credentials."""
        return self.session_token is not None

    @property
    def environ(self) -> dict[str, str]:
        """The variables that hand these keys to an AWS SDK."""
        variables = {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }
        if self.session_token is not None:
            variables["AWS_SESSION_TOKEN"] = self.session_token
        return variables

    @property
    def boto3(self) -> dict[str, str]:
        """The arguments that hand these keys to `boto3.client` or `boto3.Session`."""
        return {name.lower(): value for name, value in self.environ.items()}
