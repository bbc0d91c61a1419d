"""From a request to the roles to pass through, and the key of each session on the way."""

import json
import os
import re
from typing import NamedTuple

from awsassume import environment, source, sts, words
from awsassume.config import Chain, Config, Origin, Profile, did_you_mean
from awsassume.errors import Failure, UsageFailure
from awsassume.parameters import ARN, CHAINED_SECONDS, Given, Reader, Step
from awsassume.recall import Files, Target
from awsassume.request import Request

_ACCOUNT_ROLE = re.compile(r"(\d{12}):([\w+=,.@/-]+)", re.ASCII)
_ROLE = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
_ENDPOINT_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)
_ENDPOINT_KEYS = (
    "endpoint_url",
    "ignore_configured_endpoint_urls",
    "sts_regional_endpoints",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
)


class Hop(NamedTuple):
    """One role on the way: what AssumeRole is told, where, and the key of the session that comes of it."""

    step: Step
    region: str
    key: str


class Plan(NamedTuple):
    """The roles to pass through, outermost first, and the origin that the innermost is assumed with."""

    hops: tuple[Hop, ...]
    origin: Origin
    origin_key: str
    target: Target
    files: Files

    @property
    def asks_for_code(self) -> bool:
        """Whether a person may have to type an MFA code on the way, or touch a device for mfa_process."""
        return any(hop.step.mfa_serial for hop in self.hops)


class Planner:
    """Works out what a request means in this config and environment, without asking anybody."""

    def __init__(self, request: Request, config: Config) -> None:
        self.request = request
        self.config = config

    def profile(self) -> Profile | None:
        """Give the profile that ROLE names. One that asks us is passed over, so that it may bear its role's name."""
        role = self.request.role or ""
        profile = self.config.find(role)
        if profile and profile.calls_us and not profile.role_arn and not profile.has_static_keys:
            return None
        return profile

    def source_chain(self) -> Chain:
        """Give the chain of the source: --profile's, or what an SDK would use without further words."""
        if self.request.profile is None:
            return self.config.default_chain()
        return self.config.chain(self.config.profile(self.request.profile, "--profile"))

    def for_profile(self, profile: Profile) -> Plan:
        """Plan for a profile: the role it names, or its own credentials. Raises ConfigurationFailure."""
        request = self.request
        if request.profile is not None:
            self.config.profile(request.profile, "--profile")
            if not profile.role_arn:
                raise UsageFailure(
                    f'profile "{profile.name}" has credentials of its own, so --profile has no meaning with it',
                    f"run: awsassume {profile.name}",
                )
        chain = self.config.chain(profile, source=request.profile)
        if not chain.roles:
            return self.finished((), chain.origin, profile.name, None)
        where = f'role_arn of profile "{profile.name}" in {self.config.where(profile, "role_arn")}'
        step = self._step(Given(profile.role_arn or "", where, UsageFailure), profile, asked=True)
        return self.finished(
            (step, *self.source_steps(chain.roles[1:])), chain.origin, profile.name, profile
        )

    def for_arn(self, arn: str, label: str, chain: Chain) -> Plan:
        """Plan for a role that no profile names."""
        step = self._step(Given(arn, "ROLE", UsageFailure), None, asked=True)
        return self.finished((step, *self.source_steps(chain.roles)), chain.origin, label, None)

    def source_steps(self, roles: tuple[Profile, ...]) -> tuple[Step, ...]:
        """Read the settings of the roles that lead to the one asked for."""
        return tuple(
            self._step(
                Given(role.role_arn or "", f'role_arn of profile "{role.name}"', UsageFailure),
                role,
                asked=False,
            )
            for role in roles
        )

    def _step(self, arn: Given, profile: Profile | None, *, asked: bool) -> Step:
        reader = Reader(self.config, profile, self.request if asked else None)
        return reader.step(arn)

    def finished(
        self, steps: tuple[Step, ...], origin: Origin, label: str, profile: Profile | None
    ) -> Plan:
        """Give each step its region and key, innermost first: a session is what it is by its own source too."""
        source_profile = self.config.find(origin.name) if origin.kind == "profile" else None
        if source_profile and source_profile.get("credential_process"):
            # Before any lock is taken: those above us hold some, and wait for us.
            source.refuse_loop(origin.name, self.config.environ)
        region = self.region([profile, *(step.profile for step in steps), source_profile])
        identity = source.identity(self.config, origin)
        key = source.digest("own", identity, self._endpoint(source_profile))
        origin_key = key if _is_kept(origin, source_profile) else ""
        hops: list[Hop] = []
        for index, step in reversed(list(enumerate(steps))):
            if index == len(steps) - 1 and step.mfa_serial is None and source_profile:
                step = step._replace(  # noqa: PLW2901  # the source's device stands for the role's
                    mfa_serial=source_profile.get("mfa_serial"),
                    mfa_process=source_profile.get("mfa_process"),
                )
            self._check_length(step, chained=index < len(steps) - 1)
            # Before role's profile may say where; a bare ARN is called as its source would call.
            near = step.profile or source_profile
            partition = step.role_arn.split(":")[1]
            environ = self.config.environ
            where = sts.region_for(
                partition,
                self.request.region,
                near.get("region") if near else None,
                environ.get("AWS_REGION"),
                environ.get("AWS_DEFAULT_REGION"),
                region,
            )
            told = json.dumps(step.parameters, sort_keys=True)
            key = source.digest(
                "role",
                told,
                step.mfa_serial or "",
                where,
                self._endpoint(near),
                identity if not hops else key,
            )
            hops.insert(0, Hop(step, where, key))
        policy = self.request.policy
        if policy and not policy.lstrip().startswith("{"):
            # The words that renew name it in full, even where it is not read.
            self.config.files.note(os.path.expanduser(policy))
        renew = " ".join(environment.encode(word) for word in words.renewal(self.request))
        target = Target(hops[0].key if hops else origin_key, label, region or "", renew)
        plan = Plan(tuple(hops), origin, origin_key, target, self.config.files)
        target.asks = "yes" if plan.asks_for_code else ""
        return plan

    def region(self, profiles: list[Profile | None]) -> str | None:
        """Give the region that was named: by --region, the role's profile, or its source's."""
        return self.request.region or next(
            (found for profile in profiles if profile and (found := profile.get("region"))), None
        )

    def _check_length(self, step: Step, *, chained: bool) -> None:
        if chained and step.seconds > CHAINED_SECONDS:
            raise too_long(step)

    def _endpoint(self, profile: Profile | None) -> str:
        named = {name: self.config.environ.get(name) for name in _ENDPOINT_VARIABLES}
        if profile:
            named.update({key: profile.get(key) for key in _ENDPOINT_KEYS})
            services = self.config.full.get("services", {}).get(profile.get("services"))
            named["services"] = (
                json.dumps(services, sort_keys=True, default=str) if services else None
            )
        return json.dumps({name: value for name, value in named.items() if value}, sort_keys=True)


def too_long(step: Step) -> Failure:
    """Say that AWS gives a role assumed from a role, or with any temporary credentials, an hour at most."""
    return UsageFailure(
        f"{step.seconds} s is too long for {step.role_arn}:"
        " with temporary credentials as its source a role lasts an hour at most",
        "give --duration 1h, or a source with long-term keys",
    )


def _is_kept(origin: Origin, profile: Profile | None) -> bool:
    # Keys are read where they stand; a container and an instance give theirs at once, and know best which they are.
    if origin.kind != "profile" or profile is None:
        return False
    return not profile.has_static_keys or bool(
        profile.get("sso_session") or profile.get("sso_start_url")
    )


def role_form(request: Request, config: Config) -> tuple[str, str]:
    """Tell what ROLE is, where no profile is meant: ``("arn", ARN)``, ``("account", "ID:NAME")`` or ``("name", NAME)``.

    Raises UsageFailure naming the closest profiles.
    """
    role = request.role or ""
    if role.startswith("arn:"):
        if not ARN.fullmatch(role):
            raise UsageFailure(
                f"{role} is not a role ARN", "a role ARN is arn:aws:iam::123456789012:role/NAME"
            )
        return "arn", role
    if _ACCOUNT_ROLE.fullmatch(role):
        return "account", role
    if not _ROLE.fullmatch(role):
        raise UsageFailure(
            f'"{role}" is no profile of {config.config_file}, and can be no role\'s name',
            did_you_mean(role, config.names),
        )
    return "name", role


def label_of(arn: str) -> str:
    """Name a role for prompts by account and name: an ARN is too long, and a name alone does not tell which account."""
    match = ARN.fullmatch(arn)
    return f"{match[2]}:{match[4]}" if match else arn
