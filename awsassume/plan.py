"""From a request to the roles to pass through, and the key of each session on the way."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from awsassume import chains, endpoints, environment, identity, process, spelling, words
from awsassume.config import Chain, Config, Origin, Profile, did_you_mean
from awsassume.errors import ConfigurationFailure, UsageFailure
from awsassume.given import Given
from awsassume.memory import Files
from awsassume.parameters import ARN, Reader, Step
from awsassume.recall import Target
from awsassume.request import Request

_ACCOUNT_ROLE = re.compile(r"(\d{12}):([\w+=,.@/-]+)", re.ASCII)
_ROLE = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
# What means something to AssumeRole alone, and would be lost on a profile that needs none.
_FOR_A_ROLE = (
    "session_name",
    "duration",
    "external_id",
    "mfa_serial",
    "token_code",
    "policy",
    "source_identity",
    "policy_arns",
    "tags",
    "transitive_tags",
)


class Hop(NamedTuple):
    """One role on the way: what AssumeRole is told, where, and the key of the session that comes of it.

    ``settings`` is the profile whose endpoints and other settings hold for the call, ``endpoint`` what they come to.
    """

    step: Step
    settings: Profile | None
    endpoint: str
    region: str
    key: str


class Plan(NamedTuple):
    """The roles to pass through, outermost first, and the origin that the innermost is assumed with.

    ``identity`` is who is behind the origin, of which every key is made.
    """

    hops: tuple[Hop, ...]
    origin: Origin
    identity: str
    origin_key: str
    target: Target
    files: Files

    @property
    def asks_for_code(self) -> bool:
        """Whether a person may have to type an MFA code on the way, or touch a device for mfa_process."""
        return any(hop.step.mfa_serial for hop in self.hops)

    def key_behind(self, index: int) -> str:
        """Give the key of the session that the hop of this index is assumed with."""
        return self.hops[index + 1].key if index + 1 < len(self.hops) else self.origin_key


class Planner:
    """Works out what a request means in this config and environment.

    ``who`` says who is behind an origin, which may take asking it; where no session is looked for, nobody need be asked.
    """

    def __init__(
        self, request: Request, config: Config, who: Callable[[Origin], str] | None = None
    ) -> None:
        self.request = request
        self.config = config
        self.regions = endpoints.Regions(config, request.region)
        self._who = who or (lambda origin: identity.named(config, origin))

    def profile(self) -> Profile | None:
        """Give the profile that ROLE names, if it is no ARN. One that asks us is passed over: it may bear its role's name.

        Raises ConfigurationFailure.
        """
        role = self.request.role or ""
        if role.startswith("arn:"):
            return None
        self.config.demand_files()
        profile = self.config.find(role)
        if profile and profile.calls_us and not profile.role_arn and not profile.has_static_keys:
            return None
        return profile

    def source_chain(self) -> Chain:
        """Give the chain of the source: --profile's, or what an SDK would use without further words."""
        if self.request.profile is None:
            return chains.default(self.config)
        named = self.config.profile(self.request.profile, "--profile")
        return chains.follow(self.config, named)

    def for_profile(self, profile: Profile) -> Plan:
        """Plan for a profile: the role it names, or its own credentials. Raises ConfigurationFailure."""
        request = self.request
        if request.profile is not None:
            self.config.profile(request.profile, "--profile")
            if not profile.role_arn:
                raise UsageFailure(
                    f'profile "{profile.name}" has credentials of its own, so --profile has no meaning with it',
                    f"run: {spelling.command(['awsassume', profile.name])}",
                )
        chain = chains.follow(self.config, profile, source=request.profile)
        if not chain.roles:
            self._refuse_what_is_for_a_role(profile)
            return self.finished((), chain, profile.name)
        return self.finished(
            (
                self._step(self._role_arn(profile), profile, asked=True),
                *self.source_steps(chain.roles[1:]),
            ),
            chain,
            profile.name,
        )

    def _refuse_what_is_for_a_role(self, profile: Profile) -> None:
        """Raise UsageFailure for an option that would change nothing: somebody counts on what it does."""
        for name in _FOR_A_ROLE:
            if getattr(self.request, name):
                option = "--" + name.replace("_", "-").removesuffix("s")
                raise UsageFailure(
                    f'{option} has no meaning with profile "{profile.name}", which names credentials and no role to assume',
                    f"run: {spelling.command(['awsassume', profile.name])}",
                )

    def _role_arn(self, profile: Profile) -> Given:
        where = f'role_arn of profile "{profile.name}" in {self.config.where(profile, "role_arn")}'
        return Given(profile.role_arn or "", where, ConfigurationFailure)

    def for_arn(self, arn: str, label: str, chain: Chain) -> Plan:
        """Plan for a role that no profile names."""
        step = self._step(Given(arn, "ROLE", UsageFailure), None, asked=True)
        return self.finished((step, *self.source_steps(chain.roles)), chain, label)

    def source_steps(self, roles: tuple[Profile, ...]) -> tuple[Step, ...]:
        """Read the settings of the roles that lead to the one asked for."""
        return tuple(self._step(self._role_arn(role), role, asked=False) for role in roles)

    def _step(self, arn: Given, profile: Profile | None, *, asked: bool) -> Step:
        reader = Reader(self.config, profile, self.request if asked else None)
        return reader.step(arn)

    def finished(self, steps: tuple[Step, ...], chain: Chain, label: str) -> Plan:
        """Give each step its region and key: a session is what it is by its own source too. Raises Failure."""
        origin = chain.origin
        holder = self.config.find(origin.name) if origin.kind == "profile" else None
        ambient = self.config.settings(origin)
        if holder and holder.get("credential_process"):
            # Before any lock is taken: those above us hold some, and wait for us.
            process.refuse_loop(origin.name, self.config.environ)
        hops = self._hops(steps, holder, ambient)
        if self.request.token_code and hops and not any(hop.step.mfa_serial for hop in hops):
            raise UsageFailure(
                "--token-code is given, and no MFA device", "give --mfa-serial, or set mfa_serial"
            )
        policy = self.request.policy
        if policy and not policy.lstrip().startswith("{"):
            # The words that renew name it in full, even where it is not read.
            self.config.files.note(self.config.files.expanded(policy))
        region = self._region(steps, origin)
        # What can't be followed is said before anybody is asked.
        who = self._who(origin)
        hops = _keyed(hops, who)
        origin_key = identity.digest("own", who) if _is_kept(origin, holder) else ""
        renew = " ".join(environment.encode(word) for word in words.renewal(self.request))
        target = Target(hops[0].key if hops else origin_key, label, region, renew)
        whose = identity.digest(str(origin), identity.named(self.config, origin))
        target.means = hops[0].step.role_arn if hops else whose
        own = hops[0].settings if hops else ambient
        target.settings = endpoints.to_set(self.config, own, chain=self.request.chain)
        plan = Plan(hops, origin, who, origin_key, target, self.config.files)
        target.asks = "yes" if plan.asks_for_code else ""
        target.passed = self._passed(chain)
        return plan

    def _passed(self, chain: Chain) -> str:
        """Say what ``chains.passed_over`` says, but to an SDK that asks by that very profile."""
        profile = self.config.section(chain.passed)
        asked = (profile and profile.get("credential_process")) or ""
        is_asker = self.request.format == "process" and self.request.role in asked.split()
        return "" if is_asker else chains.passed_over(self.config, chain)

    def _region(self, steps: tuple[Step, ...], origin: Origin) -> str:
        """Give the region that the shell gets; ``""`` where it keeps what it has."""
        source = self.config.find(origin.name) if origin.name else None
        profiles = [*(step.profile for step in steps), source]
        rest = [*profiles[1:], self.config.settings(origin), self.config.section("default")]
        return self.regions.to_set(profiles[0], rest) or ""

    def _hops(
        self, steps: tuple[Step, ...], holder: Profile | None, ambient: Profile | None
    ) -> tuple[Hop, ...]:
        """Settle where each step is called, and what the innermost alone or all others are told. They have no keys yet."""
        hops: list[Hop] = []
        for index, step in enumerate(steps):
            settings = endpoints.settings_for(steps, index, ambient)
            region = self.regions.of_call(step, settings, asked=index == 0)
            innermost = index == len(steps) - 1
            seen = self._with_device_of(step, holder) if innermost else step.chained()
            endpoint = endpoints.written(self.config, settings, region)
            hops.append(Hop(seen, settings, endpoint, region, ""))
        return tuple(
            hop._replace(step=self._without_device(hop.step, hops, index))
            for index, hop in enumerate(hops)
        )

    def _without_device(self, step: Step, hops: list[Hop], index: int) -> Step:
        """Leave out a device that has given its code on the way. Raises Failure for one that can give none.

        AWS takes a code with the keys of the device's owner alone, and a role is no owner.
        """
        if index == len(hops) - 1 or step.mfa_serial is None:
            return step
        first = hops[-1].step
        if step.mfa_serial == first.mfa_serial:
            return step._replace(mfa_serial=None, mfa_process=None)
        given = Reader(self.config, step.profile, self.request if index == 0 else None).device()
        failure = given.kind(
            f"{given.where}: {step.role_arn} is assumed with the session of {hops[index + 1].step.role_arn},"
            " and AWS takes a code only with the keys of the user whose device it is",
            f"set mfa_serial for {first.role_arn}, the first on the way, or leave it out",
        )
        raise failure

    def _with_device_of(self, step: Step, holder: Profile | None) -> Step:
        reader = Reader(self.config, holder, None)
        return step._replace(
            mfa_serial=step.mfa_serial or reader.serial(),
            mfa_process=step.mfa_process or reader.process(),
        )


def _keyed(hops: tuple[Hop, ...], key: str) -> tuple[Hop, ...]:
    """Give each hop its key, from that of what the innermost is assumed with outwards."""
    keyed: list[Hop] = []
    for hop in reversed(hops):
        told = json.dumps(hop.step.parameters, sort_keys=True)
        serial = hop.step.mfa_serial or ""
        key = identity.digest("role", told, serial, hop.region, hop.endpoint, key)
        keyed.insert(0, hop._replace(key=key))
    return tuple(keyed)


def _is_kept(origin: Origin, profile: Profile | None) -> bool:
    # Keys are read where they stand; a container and an instance give theirs at once, and know best which they are.
    if origin.kind != "profile" or profile is None:
        return False
    return not profile.has_static_keys or bool(
        profile.get("sso_account_id") or profile.get("sso_role_name")
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
