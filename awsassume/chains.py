"""From a profile to the credentials that its roles are assumed with, as botocore's AssumeRoleProvider goes, for any length."""

from awsassume import keys
from awsassume.config import Chain, Config, Origin, Profile, did_you_mean
from awsassume.errors import ConfigurationFailure

CREDENTIAL_SOURCES = ("Environment", "EcsContainer", "Ec2InstanceMetadata")


def default(config: Config, *, passing: tuple[str, ...] = ()) -> Chain:
    """Find what an SDK without further words would use: the environment, AWS_PROFILE or default, container, instance.

    A profile that asks us, or one of ``passing`` (those already in the chain), is passed over.
    """
    named = config.named
    if named and named not in passing:
        config.profile(named, "AWS_PROFILE")
    if config.environ.get("AWS_ACCESS_KEY_ID"):
        why = "the keys in the environment come before it"
        return Chain((), Origin("Environment"), named or "", why)
    profile = _speaker(config, named, passing) if named else None
    # Where it was named, no other profile may speak for it.
    profile = profile or _speaker(config, "default", passing)
    if not (profile and profile.role_arn) and config.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        origin = Origin("WebIdentity", profile.name if profile else "")
        return Chain((), origin, named or "", "AWS_WEB_IDENTITY_TOKEN_FILE comes before it")
    chain = Chain((), _machine(config, ""))
    if profile:
        chain = follow(config, profile, passing=passing)
    if not named or (profile and profile.name == named):
        return chain
    why = "it is a role that names no source" if named in passing else "it asks awsassume"
    return chain._replace(passed=named, why=why)


def _speaker(config: Config, name: str, passing: tuple[str, ...]) -> Profile | None:
    """Give a profile, unless it is in the chain already or would have us ask ourselves."""
    profile = config.find(name) if name not in passing else None
    asks_us = profile and profile.calls_us
    if profile and asks_us and not profile.role_arn and not profile.has_static_keys:
        return None
    return profile


def _machine(config: Config, name: str) -> Origin:
    """Name what the machine gives to everybody on it: a container's credentials, or an instance's."""
    if config.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or config.environ.get(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    ):
        return Origin("EcsContainer", name)
    if config.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return Origin("none", name)
    return Origin("Ec2InstanceMetadata", name)


def follow(
    config: Config, profile: Profile, *, passing: tuple[str, ...] = (), source: str | None = None
) -> Chain:
    """Follow a profile to its source.

    ``source`` stands in for its source_profile. Raises ConfigurationFailure for a loop, a missing link, or a
    profile that names two sources; the message holds the whole chain.
    """
    roles: list[Profile] = []
    visited = [*passing]
    current = profile
    while True:
        # Keys in a source win over its role_arn, which lets a profile be its own source.
        is_source = bool(roles) and (current.has_static_keys or not current.role_arn)
        if is_source or not current.role_arn:
            # As its own, a profile without credentials has those of the machine; as a source it must have some.
            own = bool(roles) or current.has_own_credentials
            if not current.has_own_credentials:
                _refuse_foreign(config, current)
            origin = Origin("profile", current.name) if own else _machine(config, current.name)
            return Chain(tuple(roles), origin)
        roles.append(current)
        visited.append(current.name)
        stands_in = source and len(roles) == 1
        named = source if stands_in else current.get("source_profile")
        credential_source = None if stands_in else current.get("credential_source")
        if named and credential_source:
            raise ConfigurationFailure(
                f'profile "{current.name}" has both source_profile and credential_source; keep one',
                f"edit {config.where(current, 'source_profile')}",
            )
        if credential_source:
            return Chain(tuple(roles), _origin(config, current, credential_source))
        if not named:
            _refuse_foreign(config, current)
            if current.has_own_credentials and not current.calls_us:
                return Chain(tuple(roles), Origin("profile", current.name))
            rest = default(config, passing=tuple(visited))
            return rest._replace(roles=(*roles, *rest.roles))
        following = config.find(named)
        path = " → ".join([*visited, named])
        if following is None:
            raise ConfigurationFailure(
                f"source_profile is missing: {path} (no such profile)",
                did_you_mean(named, config.names),
            )
        own = current.has_static_keys or (current.has_own_credentials and not current.calls_us)
        if named in visited and not (named == current.name and own):
            raise ConfigurationFailure(
                f"source_profile goes in a loop: {path}", f"edit {config.config_file}"
            )
        if named == current.name:
            return Chain(tuple(roles), Origin("profile", named))
        current = following


def _origin(config: Config, profile: Profile, credential_source: str) -> Origin:
    if credential_source not in CREDENTIAL_SOURCES:
        raise ConfigurationFailure(
            f'credential_source = {credential_source} of profile "{profile.name}" is not'
            f" one of {', '.join(CREDENTIAL_SOURCES)}",
            f"edit {config.where(profile, 'credential_source')}",
        )
    return Origin(credential_source, profile.name)


def _refuse_foreign(config: Config, profile: Profile) -> None:
    found = keys.foreign(profile.values)
    if found:
        key, how = found
        path = config.where(profile, key)
        raise ConfigurationFailure(
            f'{key} of profile "{profile.name}" in {path} names a source in a way that SDKs and awsassume do not know',
            f"write {how}: edit {path}",
        )


def passed_over(config: Config, chain: Chain) -> str:
    """Say that the profile which the environment names is no part of a chain; "" where nothing is to be said."""
    if not chain.passed:
        return ""
    variable = "AWS_PROFILE" if config.environ.get("AWS_PROFILE") else "AWS_DEFAULT_PROFILE"
    return f'{variable} names "{chain.passed}", which is passed over: {chain.why}; the source is {chain.origin}'
