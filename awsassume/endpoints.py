"""Where AWS is called: the region and the endpoint, as the command line, profiles and the environment name them."""

import json
import re

from awsassume import environment, regions
from awsassume.config import Config, Profile, did_you_mean
from awsassume.errors import ConfigurationFailure, UsageFailure
from awsassume.given import Given
from awsassume.parameters import REGION, REGION_RULE, Step

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)
# Of a profile's keys, those that are a text, and those that are true or false, by the variables that say the same.
_TEXTS = {
    "AWS_ENDPOINT_URL": "endpoint_url",
    "AWS_CA_BUNDLE": "ca_bundle",
    "AWS_STS_REGIONAL_ENDPOINTS": "sts_regional_endpoints",
}
_FLAGS = {
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "ignore_configured_endpoint_urls",
    "AWS_USE_FIPS_ENDPOINT": "use_fips_endpoint",
    "AWS_USE_DUALSTACK_ENDPOINT": "use_dualstack_endpoint",
}
_SERVICE = re.compile(r"[a-z0-9_]+", re.ASCII)
_KEYS = (
    "endpoint_url",
    "ignore_configured_endpoint_urls",
    "sts_regional_endpoints",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
)


def settings_for(steps: tuple[Step, ...], index: int, ambient: Profile | None) -> Profile | None:
    """Choose whose endpoints hold for a step: its own profile's, or those of one that leads to it, as in botocore.

    A role that no profile names is called as its source would call.
    """
    outward = [step.profile for step in reversed(steps[: index + 1]) if step.profile]
    inward = [step.profile for step in steps[index + 1 :] if step.profile]
    own = next((profile for profile in outward if _has_endpoints(profile)), None)
    return own or next(iter([*outward, *inward]), ambient)


def _has_endpoints(profile: Profile) -> bool:
    return any(profile.get(key) for key in (*_KEYS, "services"))


def written(config: Config, profile: Profile | None, region: str = "") -> str:
    """Write down all that decides which endpoint is called, but for the region."""
    named = {name: config.environ.get(name) for name in _VARIABLES}
    if profile:
        named.update({key: profile.get(key) for key in _KEYS})
        services = config.full.get("services", {}).get(profile.get("services"))
        named["services"] = json.dumps(services, sort_keys=True, default=str) if services else None
    found = {name: value for name, value in named.items() if value}
    if "legacy" in found.values():
        # The global endpoint's sessions are not taken in the Regions that are off until one turns them on.
        found["region"] = region
    return json.dumps(found, sort_keys=True)


def to_set(config: Config, profile: Profile | None, *, chain: bool = False) -> str:
    """Write down the variables by which SDKs come to a profile's endpoints, for ``environment.settings``.

    What the environment says already is before the profile, in SDKs and for our own calls; with ``chain`` that is what we
    may have put there, and it goes on.
    """
    environ = config.environ
    found = _said(config, profile) if profile else {}
    if environ.get("AWS_ENDPOINT_URL"):
        # It is before a profile's services too.
        found = {name: value for name, value in found.items() if "_ENDPOINT_URL" not in name}
    found = {name: value for name, value in found.items() if not environ.get(name)}
    if chain:
        held = {name: value for name, value in environ.items() if environment.is_setting(name)}
        found.update({name: value for name, value in held.items() if value})
    return "&".join(f"{name}={environment.encode(value)}" for name, value in found.items())


def _said(config: Config, profile: Profile) -> dict[str, str]:
    texts = {name: profile.get(key) for name, key in _TEXTS.items()}
    found = {name: text for name, text in texts.items() if text}
    flags = {name: profile.get(key) for name, key in _FLAGS.items()}
    # botocore takes TRUE for true, and all else for false; other SDKs know these two words alone.
    found.update(
        {name: str(text.lower() == "true").lower() for name, text in flags.items() if text}
    )
    if found.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == "true":
        found.pop("AWS_ENDPOINT_URL", None)
        return found
    for service, values in _services(config, profile).items():
        url = values.get("endpoint_url") if isinstance(values, dict) else None
        if url and _SERVICE.fullmatch(service):
            found[environment.OF_SERVICE + service.upper()] = url
    return found


def _services(config: Config, profile: Profile) -> dict[str, object]:
    """Give the section of endpoints that a profile names. Raises ConfigurationFailure where there is none, as botocore does."""
    name = profile.get("services")
    sections: dict[str, dict[str, object]] = config.full.get("services", {})
    if name is None or name in sections:
        return sections.get(name or "") or {}
    if config.environ.get("AWS_ENDPOINT_URL"):
        # It is before them, so that nobody looks for them.
        return {}
    path = config.where(profile, "services")
    raise ConfigurationFailure(
        f'services of profile "{profile.name}" names "{name}", and {path} has no section [services {name}]',
        did_you_mean(name, list(sections)) or f"edit {path}",
    )


class Regions:
    """The regions that a config names; ``option`` is what ``--region`` gives."""

    def __init__(self, config: Config, option: str | None) -> None:
        self._config = config
        self._option = option

    def named(self, profiles: list[Profile | None]) -> str | None:
        """Give the region that was named: by --region, the role's profile, or its source's."""
        if self._option is not None:
            return _checked(Given(self._option, "--region", UsageFailure))
        return next(
            (found for profile in profiles if profile and (found := self._of(profile))), None
        )

    def _of(self, profile: Profile) -> str | None:
        text = profile.get("region")
        if text is None:
            return None
        where = f'region of profile "{profile.name}" in {self._config.where(profile, "region")}'
        return _checked(Given(text, where, ConfigurationFailure))

    def around(self) -> str | None:
        """Give the region that the environment names."""
        for name in _REGION_VARIABLES:
            text = self._config.environ.get(name)
            if text:
                return _checked(Given(text, name, ConfigurationFailure))
        return None

    def to_set(self, own: Profile | None, sources: list[Profile | None]) -> str | None:
        """Give the region for the shell: by --region, the role's profile, the shell itself, or the role's source.

        ``None`` where there is none, and where the shell's two variables differ: each SDK goes on reading its own.
        """
        named, around = self.named([own]), self.around()
        if named or not around:
            return named or self.named(sources)
        both = {self._config.environ.get(name) or around for name in _REGION_VARIABLES}
        return around if both == {around} else None

    def of_call(self, step: Step, settings: Profile | None, *, asked: bool) -> str:
        """Choose where STS is called: --region is for the role that was asked for, and for others where nothing else is.

        Here too the shell's region is behind the role's own, and before its source's.
        """
        given = self.named([])
        own, other = (
            self._of(profile) if profile else None for profile in (step.profile, settings)
        )
        around = [own, self.around(), other]
        wanted = [given, *around] if asked else [*around, given]
        return regions.region_for(step.role_arn.split(":")[1], *wanted)


def _checked(given: Given) -> str:
    if not REGION.fullmatch(given.text):
        raise given.refuse(REGION_RULE)
    return given.text
