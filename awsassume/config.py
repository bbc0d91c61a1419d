"""The AWS config files as botocore reads them: profiles, and what they say."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import botocore.configloader
import botocore.session

from awsassume import bounded, keys, launcher, memory, sections
from awsassume.errors import ConfigurationFailure

_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
_KINDS = {"profiles": "profile", "sso_sessions": "sso-session", "services": "services section"}
_STATIC = ("aws_access_key_id", "aws_secret_access_key")


class Profile(NamedTuple):
    """What one profile's section says, config and credentials file together; the latter wins, as in botocore."""

    name: str
    values: Mapping[str, Any]

    def get(self, key: str) -> str | None:
        """Give a key's text; ``None`` where it is missing or a section of its own."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    @property
    def role_arn(self) -> str | None:
        """The role to assume; with a web identity the role comes with the credentials, and is no step of ours."""
        return None if "web_identity_token_file" in self.values else self.get("role_arn")

    @property
    def has_static_keys(self) -> bool:
        """Whether long-term or pasted keys stand in the profile."""
        return any(key in self.values for key in _STATIC)

    @property
    def calls_us(self) -> bool:
        """Whether its credential_process is this program, so that asking it would be asking ourselves."""
        return launcher.starts_us(self.get("credential_process") or "")

    @property
    def has_own_credentials(self) -> bool:
        """Whether it names credentials without another profile's help."""
        return self.has_static_keys or any(
            key in self.values
            for key in (
                "sso_session",
                "sso_start_url",
                "sso_account_id",
                "sso_role_name",
                "credential_process",
                "web_identity_token_file",
                "login_session",
            )
        )


class Origin(NamedTuple):
    """Where the first credentials of a chain come from.

    ``kind`` is ``profile``, ``Environment``, ``WebIdentity`` (the variables), ``EcsContainer``, ``Ec2InstanceMetadata``,
    or ``none``. ``name`` is the profile's: the one that holds them, or the one that sends us to the others, if one does.
    """

    kind: str
    name: str = ""

    def __str__(self) -> str:
        """Name it in the user's words."""
        if self.kind == "profile":
            return f'profile "{self.name}"'
        return {
            "Environment": "the environment",
            "WebIdentity": "AWS_WEB_IDENTITY_TOKEN_FILE",
            "EcsContainer": "the container",
            "Ec2InstanceMetadata": "the instance metadata",
        }.get(self.kind, "nothing")


class Chain(NamedTuple):
    """The profiles of the roles to pass through, outermost first, and the origin of the credentials that begin it.

    ``passed`` is the profile that the environment names where it is passed over, and ``why`` that is.
    """

    roles: tuple[Profile, ...]
    origin: Origin
    passed: str = ""
    why: str = ""


class Config:
    """The config and credentials files, read once by botocore, and the state they were in before that."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        bounded.bound_answers()
        session = botocore.session.Session()
        self.files = memory.Files()
        named = [session.get_config_variable(name) for name in ("config_file", "credentials_file")]
        for name, path in zip(_FILES, named, strict=True):
            if not path:
                raise ConfigurationFailure(
                    f"{name} is empty, and SDKs differ on which file that is",
                    f"run: unset {name}, or name a file (/dev/null for none)",
                )
        try:
            self.config_file, self.credentials_file = map(self._noted, named)
        except OSError:
            raise ConfigurationFailure(
                "AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE is relative, and the current directory is gone",
                "run: cd",
            ) from None
        # What botocore's Session.full_config does, but for what it forgets: which file said what.
        said, stored = sections.read(self.config_file), sections.read(self.credentials_file)
        self._missing = [
            f"{name} names {path}, which is not there"
            for name, path, found in (
                (_FILES[0], self.config_file, said),
                (_FILES[1], self.credentials_file, stored),
            )
            if found is None and environ.get(name)
        ]
        self.parsed = botocore.configloader.build_profile_map(said or {})
        self.stored = stored or {}
        self._headers = _headers(said or {})
        profiles = dict(self.parsed["profiles"])
        for name, values in self.stored.items():
            profiles[name] = {**profiles.get(name, {}), **values}
        profiles = {name: keys.settled(values) for name, values in profiles.items()}
        self.full = {**self.parsed, "profiles": profiles}

    def _noted(self, path: str) -> str:
        # Which file it is depends on a variable that nobody remembers.
        self.files.certain = self.files.certain and "$" not in path
        return self.files.note(self.files.expanded(os.path.expandvars(path)))

    def session(self, profile: str | None = None) -> botocore.session.Session:
        """Make a botocore session for a profile that shares what was read. ``None``: default's settings, if it is there."""
        nameless = None if profile else {"profile": (None, None, None, None)}
        session = botocore.session.Session(profile=profile, session_vars=nameless)
        # botocore reads the files once a session; ten thousand profiles take a second each time.
        session._config = self.full  # type: ignore[attr-defined]  # noqa: SLF001
        return session

    @property
    def names(self) -> list[str]:
        """Every profile's name, in the order of the files."""
        return list(self.full["profiles"])

    def demand_files(self) -> None:
        """Raise ConfigurationFailure where a variable names a file that is not there: a profile may have been meant."""
        if self._missing:
            raise ConfigurationFailure(
                self._missing[0],
                "mend the variable, or unset it (/dev/null is a file without profiles)",
            )

    def section(self, name: str) -> Profile | None:
        """Give a profile as the files have it, right or wrong, or ``None``."""
        values = self.full["profiles"].get(name)
        return None if values is None else Profile(name, values)

    def find(self, name: str) -> Profile | None:
        """Give a profile that can be followed, or ``None``. Raises ConfigurationFailure for one that can't be."""
        profile = self.section(name)
        if profile is not None:
            self._refuse_twice(name)
            self._refuse_faults(profile)
            program = launcher.started(profile.get("credential_process") or "")
            if os.path.isabs(program):
                # A link may come to lead to us, or elsewhere.
                self.files.note(program)
        return profile

    def profile(self, name: str, named_by: str) -> Profile:
        """Give a profile that must be there. Raises ConfigurationFailure with the closest names."""
        self.demand_files()
        found = self.find(name)
        if found is None:
            raise ConfigurationFailure(
                f'{named_by} "{name}" is not in {self.config_file}',
                did_you_mean(name, self.names) or "see what there is: awsassume --list",
            )
        return found

    def _refuse_twice(self, name: str, kind: str = "profiles") -> None:
        headers = self._headers.get((kind, name), ())
        if len(headers) > 1:
            both = " and ".join(f"[{header}]" for header in headers)
            raise ConfigurationFailure(
                f'{_KINDS[kind]} "{name}" stands in {self.config_file} as {both}, and SDKs differ on which counts',
                f"keep one of them: edit {self.config_file}",
            )

    def _refuse_faults(self, profile: Profile, among: frozenset[str] | None = None) -> None:
        wrong = keys.fault(profile.values, among)
        if wrong:
            key, what = wrong
            path = self.where(profile, key)
            raise ConfigurationFailure(
                f'{key} of profile "{profile.name}" in {path} {what}',
                f"give it a value, or take the line out: edit {path}",
            )
        if services := profile.get("services"):
            self._refuse_twice(services, "services")
        sign_on = profile.get("sso_session") if among is None else None
        if sign_on is not None:
            self.sign_on(sign_on)

    def sign_on(self, name: str) -> Mapping[str, Any] | None:
        """Give an sso-session section, or ``None``. Raises ConfigurationFailure for one that can't be followed."""
        section: Mapping[str, Any] | None = self.full["sso_sessions"].get(name)
        if section is None:
            return None
        self._refuse_twice(name, "sso_sessions")
        wrong = keys.fault(section)
        if wrong:
            raise ConfigurationFailure(
                f'{wrong[0]} of sso-session "{name}" in {self.config_file} {wrong[1]}',
                f"give it a value: edit {self.config_file}",
            )
        return section

    def where(self, profile: Profile, key: str) -> str:
        """Name the file that a profile's key stands in; botocore lets the credentials file win."""
        overrides = key in self.stored.get(profile.name, {})
        return str(self.credentials_file if overrides else self.config_file)

    @property
    def named(self) -> str | None:
        """The profile that the environment names, if it names one. Raises ConfigurationFailure for two, or none.

        botocore asks AWS_DEFAULT_PROFILE first, other SDKs know AWS_PROFILE alone.
        """
        variables = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
        names = [self.environ.get(name) for name in variables]
        if "" in names:
            name = variables[names.index("")]
            raise ConfigurationFailure(
                f"{name} is empty, and SDKs differ on which profile that is", f"run: unset {name}"
            )
        given = list(dict.fromkeys(name for name in names if name))
        if len(given) > 1:
            raise ConfigurationFailure(
                f'AWS_PROFILE is "{given[0]}" and AWS_DEFAULT_PROFILE is "{given[1]}", and SDKs differ on which counts',
                "unset one of them, or give --profile NAME",
            )
        return given[0] if given else None

    def settings(self, origin: Origin) -> Profile | None:
        """Give the profile whose region and endpoints hold for an origin, as an SDK would have it."""
        if origin.name:
            return self.find(origin.name)
        if origin.kind == "profile":
            return None
        # Another signs, so that only what is read here must be right.
        profile = self.section(self.named or "default")
        if profile is not None:
            self._refuse_twice(profile.name)
            self._refuse_faults(profile, keys.SETTINGS)
        return profile


def _headers(said: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Give the headers of a config file that stand for each name of a kind; botocore lets the last one count."""
    found: dict[tuple[str, str], list[str]] = {}
    for header, values in said.items():
        alone = botocore.configloader.build_profile_map({header: values})
        for kind in _KINDS:
            for name in alone[kind]:
                found.setdefault((kind, name), []).append(header)
    return found


def did_you_mean(name: str, names: list[str]) -> str | None:
    """Give a line with the names closest to this one, or ``None``."""
    import difflib

    close = difflib.get_close_matches(name, dict.fromkeys(names), n=3, cutoff=0.6)
    return f"did you mean: {', '.join(close)}" if close else None
