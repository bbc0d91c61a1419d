"""The config file that a command under --serve reads in place of the user's own, and what it may say where it is on disk.

SDKs ask the profile that is named, or default, before the endpoint. Where default has credentials they would take those, so
the command's environment names a profile that has none. That profile stands in a config file of ours, behind all that the
user's own says; the user's is not touched. On Linux ours is in memory, sealed, and ends with the process that holds it.
"""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import botocore.configloader
from botocore import exceptions

from awsassume import environment
from awsassume.config import Config, Profile
from awsassume.errors import ConfigurationFailure

_SETTINGS = frozenset(
    (
        "ca_bundle",
        "cli_pager",
        "defaults_mode",
        "endpoint_url",
        "ignore_configured_endpoint_urls",
        "max_attempts",
        "output",
        "region",
        "retry_mode",
        "services",
        "sts_regional_endpoints",
        "use_dualstack_endpoint",
        "use_fips_endpoint",
    )
)
# What a profile may say on disk besides: none of it is a secret. Sections of services are all settings.
_REFERENCES = frozenset(
    (
        "credential_source",
        "duration_seconds",
        "external_id",
        "login_session",
        "mfa_serial",
        "role_arn",
        "role_session_name",
        "source_profile",
        "sso_account_id",
        "sso_region",
        "sso_registration_scopes",
        "sso_role_name",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    )
)
# A profile whose credentials may not be written is left out whole: without them it would be taken for one that has none, and
# whoever names it would be the endpoint's role instead of an error.
_HOLDERS = (
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "credential_process",
)


class Texts(NamedTuple):
    """What the file says: whole, for memory, and without what may be secret, for a disk."""

    whole: bytes
    public: bytes


def texts(config: Config, region: str) -> Texts | None:
    """Give what the file says, where one is needed; ``region`` is the role's. Raises ConfigurationFailure."""
    default = config.section("default")
    if default is None or not (default.has_own_credentials or "role_arn" in default.values):
        return None
    if config.section(environment.SERVE_PROFILE):
        raise ConfigurationFailure(
            f'profile "{environment.SERVE_PROFILE}" is in your AWS config files, and --serve needs the name for its own',
            f"rename it, or remove it, in {config.config_file} and {config.credentials_file}",
        )
    try:
        with open(config.config_file, "rb") as file:
            content = file.read()
    except OSError:
        content = b""
    section = os.fsencode("\n".join(["", *_without_credentials(default, region), ""]))
    return Texts(content + section, os.fsencode("\n".join(_public(config))) + section)


def _without_credentials(default: Profile, region: str) -> Iterator[str]:
    """Write the profile that has no credentials: what else default says (output, endpoints) it says too."""
    values = {key: value for key, value in default.values.items() if key in _SETTINGS}
    if region:
        values["region"] = region
    yield from _section(f"profile {environment.SERVE_PROFILE}", values, _SETTINGS)


def _public(config: Config) -> Iterator[str]:
    try:
        sections = botocore.configloader.raw_config_parse(config.config_file)
    except (exceptions.ConfigNotFound, exceptions.ConfigParseError):
        # It is not there, or has just been changed.
        return
    for name, values in sections.items():
        if any(key in values for key in _HOLDERS):
            continue
        services = [key for key in values if name.startswith("services ")]
        yield from _section(name, values, {*_SETTINGS, *_REFERENCES, *services})


def _section(name: str, values: Mapping[str, Any], allowed: Collection[str]) -> Iterator[str]:
    yield f"[{name}]"
    for key, value in values.items():
        if key not in allowed:
            continue
        if isinstance(value, dict):
            yield f"{key} ="
            yield from (
                f"  endpoint_url = {value[inner]}" for inner in value if inner == "endpoint_url"
            )
        elif "\n" not in value:
            yield f"{key} = {value}"


class Place:
    """Where the file is, for as long as this process is there: in memory, or where that is not to be had on a disk.

    A process must ``put`` it itself, since the path names that process. Raises OSError.
    """

    def __init__(self, said: Texts) -> None:
        self._said = said
        self._folder: str | None = None

    def put(self) -> str:
        """Give the path of the file, which nobody can write."""
        path = self._in_memory()
        if path is None:
            self._folder = tempfile.mkdtemp(prefix="awsassume-")
            path = f"{self._folder}/config"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
                file.write(self._said.public)
        return path

    def _in_memory(self) -> str | None:
        if not hasattr(os, "memfd_create"):
            return None
        import fcntl

        try:
            descriptor = os.memfd_create("awsassume-config", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError:
            return None
        os.fchmod(descriptor, 0o400)
        rest = memoryview(self._said.whole)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        # The superuser's processes too are refused, and not given a file that nobody would ever see again.
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        path = f"/proc/{os.getpid()}/fd/{descriptor}"
        if not os.access(path, os.R_OK):
            os.close(descriptor)
            return None
        return path

    def remove(self) -> None:
        """Take the file away, where it does not go by itself."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
