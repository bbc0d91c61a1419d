"""A setting as it was given: on the command line, in a profile, or in the environment, in this order."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from awsassume.config import Config, Profile
from awsassume.errors import ConfigurationFailure, Failure, UsageFailure
from awsassume.request import Request

_SHOWN = 80


class Given(NamedTuple):
    """A value, and where it was given, in the user's words."""

    text: str
    where: str
    kind: type[Failure]

    def refuse(self, rule: str) -> Failure:
        """Make the failure that says which value, from where, breaks which rule."""
        shown = self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "…"
        return self.kind(f"{self.where}: {shown!r} is not {rule}")


class Settings:
    """Reads one role's settings from the request (for the role that was asked for), its profile, and the variables."""

    def __init__(self, config: Config, profile: Profile | None, request: Request | None) -> None:
        self.config = config
        self.profile = profile
        self.request = request

    def given(
        self, field: str, key: str | None = None, variable: str | None = None
    ) -> Given | None:
        """Find a setting: the option, else the profile's key, else the variable."""
        option = getattr(self.request, field, None) if self.request else None
        if option is not None:
            return Given(str(option), "--" + field.replace("_", "-"), UsageFailure)
        value = self.profile.values.get(key) if self.profile and key else None
        if self.profile and key and value is not None:
            where = (
                f'{key} of profile "{self.profile.name}" in {self.config.where(self.profile, key)}'
            )
            if isinstance(value, dict):
                # botocore reads indented lines below a key as a section of its own.
                value = "\n".join(f"{name}={text}" for name, text in value.items())
            return Given(str(value), where, ConfigurationFailure)
        value = self.config.environ.get(variable) if variable else None
        return Given(value, str(variable), ConfigurationFailure) if value else None

    def listed(self, field: str, option: str, key: str) -> Iterator[Given]:
        """Find a setting that is a list: every option, else the profile's key split at commas or lines."""
        options = getattr(self.request, field, ()) if self.request else ()
        if options:
            for text in options:
                yield Given(text, option, UsageFailure)
            return
        whole = self.given("", key)
        if whole is None:
            return
        found = re.split(r"\s*,\s*|\s*\n\s*", whole.text.strip())
        if not all(found):
            # What was to stand there is missing, and may be what somebody counts on.
            raise whole.refuse("a list: an item is missing; separate them by single commas")
        for text in found:
            yield whole._replace(text=text)
