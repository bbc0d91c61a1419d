"""The chain's first credentials, by botocore's own resolver."""

import os
from contextlib import nullcontext
from datetime import UTC, datetime

import botocore.credentials

from awsassume import complaints, process
from awsassume.clock import Clock, OutOfTimeError
from awsassume.config import Config, Origin
from awsassume.credentials import Credentials
from awsassume.errors import ConfigurationFailure, SourceFailure
from awsassume.identity import ON_MACHINE
from awsassume.regions import region_for


def load(config: Config, origin: Origin, clock: Clock | None = None) -> Credentials:
    """Get the credentials of an origin, through botocore. Raises SourceFailure or ConfigurationFailure."""
    if origin.kind == "none":
        raise _missing(config, origin)
    profile = config.find(origin.name) if origin.name else None
    by_process = profile is not None and profile.get("credential_process") is not None
    found = frozen = None
    callers = os.environ.get(process.CALLERS)
    try:
        # A process may be waiting for a person's touch, which takes no time of AWS's, and put a question of its own,
        # which nothing must be drawn over.
        with nullcontext() if by_process else (clock or Clock()).running(str(origin)):
            found = _resolver(config, origin).load_credentials()
            frozen = found.get_frozen_credentials() if found else None
    except ConfigurationFailure:
        raise
    except OutOfTimeError:
        raise SourceFailure(
            f"the credentials of {origin} did not come in time", "check the network, then try again"
        ) from None
    except Exception as error:  # noqa: BLE001  # every provider raises what its own machinery does
        raise complaints.explained(error, config, origin) from None
    finally:
        # The process has answered, and asking it a second time is no loop.
        if callers is None:
            os.environ.pop(process.CALLERS, None)
        else:
            os.environ[process.CALLERS] = callers
    if found is None or frozen is None or not frozen.access_key:
        raise _missing(config, origin)
    role = _web_identity_role(config, origin)
    if role and frozen.account_id and role.split(":")[4:5] != [frozen.account_id]:
        raise SourceFailure(
            f"{role} was asked for by {origin}, and STS answered with account {frozen.account_id}",
            "nothing was kept; check AWS_ENDPOINT_URL and endpoint_url: is this AWS?",
        )
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


def _web_identity_role(config: Config, origin: Origin) -> str | None:
    """Give the role that an origin assumes with a web identity's token, if it does."""
    if origin.kind == "WebIdentity":
        return config.environ.get("AWS_ROLE_ARN")
    profile = config.find(origin.name) if origin.kind == "profile" else None
    if profile is None or not profile.get("web_identity_token_file"):
        return None
    return profile.get("role_arn")


def _missing(config: Config, origin: Origin) -> SourceFailure:
    if origin.kind in {"none", "Ec2InstanceMetadata"} and not origin.name:
        return SourceFailure(
            "there are no source credentials", "run: aws configure, or give --profile NAME"
        )
    if origin.kind == "none":
        return SourceFailure(
            f'profile "{origin.name}" has no credentials', f"add them to {config.config_file}"
        )
    hint = "give another source: --profile NAME"
    if origin.kind == "Ec2InstanceMetadata":
        hint = f'profile "{origin.name}" sends there; {hint}'
    elif origin.kind == "Environment":
        hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    elif origin.kind == "EcsContainer":
        hint = "set AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI"
    return SourceFailure(f"{origin} has no credentials", hint)


def _resolver(config: Config, origin: Origin) -> botocore.credentials.CredentialResolver:
    profile = config.find(origin.name) if origin.name else None
    session = config.session(profile.name if profile else None)
    if session.get_config_variable("region") is None:
        # botocore reads AWS_DEFAULT_REGION alone, and can't call STS without a region at a given endpoint.
        arn = (profile.get("role_arn") if profile else None) or config.environ.get("AWS_ROLE_ARN")
        partition = arn.split(":")[1] if arn and arn.startswith("arn:") else "aws"
        session.set_config_variable(
            "region", region_for(partition, config.environ.get("AWS_REGION"))
        )
    if origin.kind == "Environment":
        return botocore.credentials.CredentialResolver([botocore.credentials.EnvProvider()])
    if origin.kind in ON_MACHINE:
        wanted = (
            botocore.credentials.ContainerProvider,
            botocore.credentials.InstanceMetadataProvider,
        )[ON_MACHINE.index(origin.kind)]
        full = botocore.credentials.create_credential_resolver(session)
        return botocore.credentials.CredentialResolver(
            [provider for provider in full.providers if isinstance(provider, wanted)]
        )
    if profile and profile.get("credential_process"):
        process.enter(profile.name)
    builder = botocore.credentials.ProfileProviderBuilder(
        session, cache={}, region_name=session.get_config_variable("region")
    )
    of_environment = origin.kind == "WebIdentity"
    providers = builder.providers(
        profile_name=origin.name or "default", disable_env_vars=not of_environment
    )
    for provider in providers:
        # Each would read its file again.
        if isinstance(provider, botocore.credentials.SharedCredentialProvider):
            provider._ini_parser = lambda _: config.stored  # type: ignore[attr-defined]  # noqa: SLF001  # there is no other way in
        elif isinstance(provider, botocore.credentials.ConfigProvider):
            provider._config_parser = lambda _: config.parsed  # type: ignore[attr-defined]  # noqa: SLF001  # the same
    # The fast way may have run the process already.
    providers = [
        botocore.credentials.ProcessProvider(origin.name, lambda: config.full, popen=process.popen)
        if provider.METHOD == "custom-process"
        else provider
        for provider in providers
    ]
    if of_environment:
        providers = providers[:1]
    elif profile and profile.calls_us and profile.has_static_keys:
        providers = [provider for provider in providers if provider.METHOD != "custom-process"]
    return botocore.credentials.CredentialResolver(providers)


def _expiration(found: object) -> int | None:
    until = getattr(found, "_expiry_time", None)
    if not isinstance(until, datetime):
        return None
    return int(until.astimezone(UTC).timestamp())
