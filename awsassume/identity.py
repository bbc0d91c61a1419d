"""Who is behind an origin: as the config, the environment and what a login left say it, or as an answer does.

An identity is a digest that changes when who is behind the origin does. It is part of the key of every session, so that
nobody is given what somebody else's login got.
"""

import base64
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from awsassume import endpoints
from awsassume.config import Config, Origin, Profile

SSO_FOLDER = "~/.aws/sso/cache"
ON_MACHINE = ("EcsContainer", "Ec2InstanceMetadata")
# What of a profile says whose credentials it has, beside the role that it may name.
_NAMING = (
    "aws_access_key_id",
    "credential_process",
    "ec2_metadata_service_endpoint",
    "login_session",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)
_WEB_IDENTITY = ("role_arn", "role_session_name")
# What of the environment does, for each kind of origin. The tokens are secrets: only a digest of all goes anywhere.
_VARIABLES = {
    "Environment": ("AWS_ACCESS_KEY_ID",),
    "WebIdentity": ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"),
    "EcsContainer": (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ),
    "Ec2InstanceMetadata": (
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    ),
}
_PROFILE_KEYS = (("aws_secret_access_key",), ("aws_session_token", "aws_security_token"))
_ENVIRONMENT_KEYS = (("AWS_SECRET_ACCESS_KEY",), ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"))
# Claims of a web identity's token that are of the token and not of its subject (RFC 7519; OpenID Connect Core 2).
_OF_THE_TOKEN = ("auth_time", "exp", "iat", "jti", "nbf", "nonce")
# More than any token; what is longer is none.
_MOST_BYTES = 1 << 20


def digest(*parts: str) -> str:
    """Make one short key of all the parts, each told apart from the next."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def has_keys(config: Config, origin: Origin) -> bool:
    """Tell whether an origin's keys stand where they are read, rather than being asked for somewhere."""
    profile = _holder(config, origin)
    if profile is None:
        return origin.kind == "Environment"
    return profile.has_static_keys and not _comes_first(profile)


def is_told(config: Config, origin: Origin) -> bool:
    """Tell whether who is behind an origin can be read off files and variables.

    A process, a container and an instance may answer with another identity each time, and only their answer tells.
    """
    if origin.kind in ON_MACHINE:
        return False
    token = _web_identity_token(config, origin)
    if token is not None and not _is_file(token):
        # What is read from a pipe is gone for whoever it was meant for.
        return False
    profile = _holder(config, origin)
    if profile is None or profile.get("credential_process") is None:
        return True
    # botocore asks these before it starts a process.
    return (
        _comes_first(profile)
        or bool(profile.get("login_session"))
        or "aws_access_key_id" in config.stored.get(profile.name, {})
        or (profile.calls_us and profile.has_static_keys)
    )


def told(config: Config, origin: Origin) -> str:
    """Read off who is behind an origin: its keys, or what the config says of a login and who has logged in.

    Each file of a login is noted before it is read, as it stands now.
    """
    marks = list(_marks(config, origin))
    return digest("login", named(config, origin), *marks) if marks else named(config, origin)


def of_principal(principal: str) -> str:
    """Say who ``Credentials.principal`` stands for: the same keys are the same user, whoever holds them."""
    access_key_id, _, kind = principal.partition(" ")
    return digest("key", access_key_id, "yy" if kind == "temporary" else "yn")


def named(config: Config, origin: Origin) -> str:
    """Name an origin by what the config and the environment say of it, whoever has logged in or would answer."""
    said: dict[str, Any] = {
        name: config.environ.get(name) for name in _VARIABLES.get(origin.kind, ())
    }
    if origin.kind == "Environment":
        whole = _wholeness(config.environ, _ENVIRONMENT_KEYS)
        return digest("key", str(said["AWS_ACCESS_KEY_ID"]), whole)
    profile = config.find(origin.name) if origin.name else None
    if profile:
        keys: tuple[str, ...] = _NAMING
        if origin.kind == "WebIdentity" or profile.get("web_identity_token_file"):
            keys += _WEB_IDENTITY
        said["profile"] = {key: profile.values[key] for key in keys if key in profile.values}
        said["session"] = config.full.get("sso_sessions", {}).get(profile.get("sso_session"))
        whole = _wholeness(profile.values, _PROFILE_KEYS)
        if set(said["profile"]) == {"aws_access_key_id"} and origin.kind == "profile":
            return digest("key", str(profile.values["aws_access_key_id"]), whole)
        # Beside others, keys count for more in one file than in the other.
        said["keys"] = [whole, "aws_access_key_id" in config.stored.get(profile.name, {})]
    # A login is one at the place where it was made, and the sign-on and the sign-in have endpoints of their own.
    urls = {
        name: value for name, value in config.environ.items() if name.startswith("AWS_ENDPOINT_URL")
    }
    said["endpoints"] = [urls, endpoints.written(config, config.settings(origin))]
    return digest(origin.kind, json.dumps(said, sort_keys=True, default=str))


def sso_token_path(name: str) -> str:
    """Give the file of an SSO token: ``name`` is the sso-session's, or the start URL. As botocore's SSOTokenLoader."""
    file = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    return os.path.join(os.path.expanduser(SSO_FOLDER), f"{file}.json")


def _holder(config: Config, origin: Origin) -> Profile | None:
    return config.find(origin.name) if origin.kind == "profile" else None


def _comes_first(profile: Profile) -> bool:
    # botocore asks these before it looks at keys in the same profile.
    others = ("web_identity_token_file", "sso_account_id", "sso_role_name")
    return any(profile.get(key) for key in others)


def _wholeness(values: Mapping[str, Any], names: tuple[tuple[str, ...], ...]) -> str:
    """Say which of a secret and a session token are there: without one of them nobody is who the access key id says."""
    return "".join("y" if any(values.get(name) for name in each) else "n" for each in names)


def _marks(config: Config, origin: Origin) -> Iterator[str]:
    """Give what stays the same in each file of a login for as long as nobody else logs in."""
    token = _web_identity_token(config, origin)
    if token is not None:
        yield _mark(config, token, _subject)
    profile = _holder(config, origin)
    if profile is None:
        return
    if profile.get("sso_account_id") or profile.get("sso_role_name"):
        sign_on = profile.get("sso_session") or profile.get("sso_start_url")
        if sign_on:
            # Who logged in is not in it; a new token may be of the same person, but an old one is of no other.
            yield _mark(config, sso_token_path(sign_on), lambda data: data)
    login = profile.get("login_session")
    if login:
        # Not in older ones, which know no such logins either.
        from botocore import utils

        folder = utils.get_login_token_cache_directory()
        name = utils.generate_login_cache_key(login)
        yield _mark(config, os.path.join(folder, f"{name}.json"), _login_key)


def _mark(config: Config, path: str, read: Callable[[bytes], bytes]) -> str:
    try:
        path = config.files.note(path, anew=True)
        if not _is_file(path):
            return "none"
        with open(path, "rb") as file:
            return hashlib.sha256(read(file.read(_MOST_BYTES))).hexdigest()
    except (OSError, ValueError):
        # Nobody is logged in; whoever loads says it in words.
        return "none"


def _is_file(path: str) -> bool:
    """Tell whether reading it takes nothing away: a file, or nothing at all."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return True


def _web_identity_token(config: Config, origin: Origin) -> str | None:
    if origin.kind == "WebIdentity":
        return config.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    profile = _holder(config, origin)
    return profile.get("web_identity_token_file") if profile else None


def _login_key(data: bytes) -> bytes:
    """Take from the file of `aws login` the key that is made for each login, and kept while its tokens change."""
    try:
        return str(json.loads(data)["dpopKey"]).encode()
    except (ValueError, KeyError, TypeError):
        return data


def _subject(data: bytes) -> bytes:
    """Take from a web identity's token what it says of its subject; a machine's is replaced every hour."""
    try:
        payload = data.strip().split(b".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        kept = {name: value for name, value in claims.items() if name not in _OF_THE_TOKEN}
        return json.dumps(kept, sort_keys=True).encode()
    except (ValueError, IndexError, AttributeError):
        return data
