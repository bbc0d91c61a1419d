"""The chain's first credentials, by botocore's own resolver."""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.credentials
from botocore import exceptions

from awsassume.config import Config, Origin
from awsassume.credentials import Credentials
from awsassume.errors import ConfigurationFailure, LoginFailure, SourceFailure

# Set for the processes that botocore starts for us: the profiles whose credential_process is being asked.
CALLERS = "AWSASSUME_CALLERS"
_DEEPEST = 8
_NAMING = (
    "credential_process",
    "login_session",
    "role_arn",
    "role_session_name",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
)


def identity(config: Config, origin: Origin) -> str:
    """Name the identity behind an origin without asking anybody: a text that changes when the identity does.

    For keys it is the access key id; for SSO, a process and a web identity what the profile says of them.
    """
    environ = config.environ
    if origin.kind == "Environment":
        return f"key {environ.get('AWS_ACCESS_KEY_ID', '')}"
    if origin.kind == "profile":
        profile = config.find(origin.name)
        values = profile.values if profile else {}
        if "aws_access_key_id" in values and not _outranked(values):
            return f"key {values['aws_access_key_id']}"
        named: dict[str, Any] = {key: values[key] for key in _NAMING if key in values}
        sso = config.full.get("sso_sessions", {}).get(values.get("sso_session"))
        if sso:
            named["session"] = sso
        if not named:
            named = {
                key: environ.get(key) for key in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
            }
        return f"profile {json.dumps(named, sort_keys=True, default=str)}"
    if origin.kind == "EcsContainer":
        names = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        return "container " + " ".join(environ.get(name, "") for name in names)
    return f"{origin.kind} {os.uname().nodename} {environ.get('AWS_EC2_METADATA_SERVICE_ENDPOINT', '')}"


def _outranked(values: Any) -> bool:  # noqa: ANN401  # a section, as botocore gives it
    # botocore asks these before it looks at keys in the same profile.
    return bool(
        values.get("web_identity_token_file")
        or values.get("sso_session")
        or values.get("sso_start_url")
    )


def digest(*parts: str) -> str:
    """Make one short key of all the parts, each told apart from the next."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def load(config: Config, origin: Origin) -> Credentials:
    """Get the credentials of an origin, through botocore. Raises SourceFailure or ConfigurationFailure."""
    if origin.kind == "none":
        raise SourceFailure(
            "there are no source credentials", "run: aws configure, or give --profile NAME"
        )
    callers = os.environ.get(CALLERS)
    try:
        found = _resolver(config, origin).load_credentials()
        frozen = found.get_frozen_credentials() if found else None
    except exceptions.BotoCoreError as error:
        raise _explained(error, origin) from None
    except RuntimeError:
        # So botocore says that what it was given is over.
        raise SourceFailure(
            f"the credentials of {origin} have expired",
            "get new ones, or give another source: --profile NAME",
        ) from None
    except ValueError:
        what = "AWS_CREDENTIAL_EXPIRATION" if origin.kind == "Environment" else "their expiration"
        raise SourceFailure(
            f"the credentials of {origin} can't be used: {what} is no date"
        ) from None
    finally:
        # The process has answered, and asking it a second time is no loop.
        if callers is None:
            os.environ.pop(CALLERS, None)
        else:
            os.environ[CALLERS] = callers
    if found is None or frozen is None or not frozen.access_key:
        raise _missing(config, origin)
    try:
        return Credentials(
            frozen.access_key,
            frozen.secret_key or "",
            frozen.token or None,
            _expiration(found),
            frozen.account_id or None,
        )
    except (ValueError, TypeError):
        raise SourceFailure(
            f"the credentials of {origin} are not ones that AWS gives", None
        ) from None


def _missing(config: Config, origin: Origin) -> SourceFailure:
    if origin.kind == "Ec2InstanceMetadata" and config.find("default") is None:
        return SourceFailure(
            "there are no source credentials", "run: aws configure, or give --profile NAME"
        )
    return SourceFailure(f"{origin} has no credentials", "give another source: --profile NAME")


def _resolver(config: Config, origin: Origin) -> botocore.credentials.CredentialResolver:
    if origin.kind == "profile":
        profile = config.find(origin.name)
        process = profile.get("credential_process") if profile else None
        if process:
            _enter(origin.name)
        session = config.session(origin.name if profile else None)
        builder = botocore.credentials.ProfileProviderBuilder(
            session, cache={}, region_name=session.get_config_variable("region")
        )
        providers = builder.providers(
            profile_name=origin.name, disable_env_vars=profile is not None
        )
        for provider in providers:
            # Each would read its file again.
            if isinstance(provider, botocore.credentials.SharedCredentialProvider):
                provider._ini_parser = lambda _: config.stored  # type: ignore[attr-defined]  # noqa: SLF001  # there is no other way in
            elif isinstance(provider, botocore.credentials.ConfigProvider):
                provider._config_parser = lambda _: config.parsed  # type: ignore[attr-defined]  # noqa: SLF001  # the same
        if profile and profile.calls_us and profile.has_static_keys:
            providers = [provider for provider in providers if provider.METHOD != "custom-process"]
        return botocore.credentials.CredentialResolver(providers)
    session = config.session()
    full = botocore.credentials.create_credential_resolver(session)
    method = {
        "Environment": botocore.credentials.EnvProvider,
        "EcsContainer": botocore.credentials.ContainerProvider,
        "Ec2InstanceMetadata": botocore.credentials.InstanceMetadataProvider,
    }[origin.kind]
    if method is botocore.credentials.EnvProvider:
        return botocore.credentials.CredentialResolver([method()])
    return botocore.credentials.CredentialResolver(
        [p for p in full.providers if isinstance(p, method)]
    )


def refuse_loop(name: str, environ: Mapping[str, str]) -> None:
    """Raise ConfigurationFailure when we were started, however deep, to answer for this very profile."""
    callers = _callers(environ)
    if name in callers or len(callers) >= _DEEPEST:
        path = " → ".join([*callers, name])
        raise ConfigurationFailure(
            f"credential_process goes in a loop: {path}", "give another source: --profile NAME"
        )


def _callers(environ: Mapping[str, str]) -> list[str]:
    return [caller for caller in environ.get(CALLERS, "").split("\n") if caller]


def _enter(name: str) -> None:
    """Leave word in the environment of the process that this profile's credential_process is being asked."""
    refuse_loop(name, os.environ)
    os.environ[CALLERS] = "\n".join([*_callers(os.environ), name])


def _expiration(found: object) -> int | None:
    until = getattr(found, "_expiry_time", None)
    if not isinstance(until, datetime):
        return None
    return int(until.astimezone(UTC).timestamp())


def _explained(error: exceptions.BotoCoreError, origin: Origin) -> SourceFailure:
    login = f"run: aws sso login --profile {origin.name}" if origin.kind == "profile" else None
    if isinstance(error, exceptions.SSOError | exceptions.TokenRetrievalError):
        if login:
            login += f", or: awsassume --login {origin.name}"
        return LoginFailure(f"the SSO login of {origin} has expired or was never made", login)
    if isinstance(error, exceptions.LoginError):
        return SourceFailure(
            f"the login of {origin} has expired or was never made",
            login and login.replace(" sso", ""),
        )
    if isinstance(error, exceptions.PartialCredentialsError):
        return SourceFailure(
            f"{origin} has only part of its credentials: {error.kwargs.get('cred_var')} is missing"
        )
    if isinstance(error, exceptions.CredentialRetrievalError):
        return SourceFailure(f"the credentials of {origin} can't be had: {_last_line(str(error))}")
    return SourceFailure(f"the credentials of {origin} can't be had: {_last_line(str(error))}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Where it was one of us, the last line is what to do next, and not what is wrong.
    ours = [line.partition("awsassume: ")[2] for line in lines if "awsassume: " in line]
    said = (ours or lines or ["no reason given"])[-1]
    return "".join(char for char in said[:300] if char.isprintable())
