"""The parameters of AssumeRole: command line before profile before variable, and each checked by AWS's own rule.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import getpass
import json
import os
import re
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

from awsassume import words
from awsassume.config import Config, Profile
from awsassume.errors import ConfigurationFailure, Failure, UsageFailure
from awsassume.request import Request

SHORTEST_SECONDS = 900
_SHOWN = 80
LONGEST_SECONDS = 12 * 3600
CHAINED_SECONDS = 3600
ARN = re.compile(
    r"arn:(aws[a-z-]*):iam::(\d{12}):role/((?:[\w+=,.@-]+/)*([\w+=,.@-]{1,64}))", re.ASCII
)
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_SERIAL = re.compile(r"[\w+=/:,.@-]{9,256}", re.ASCII)
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+", re.ASCII)
_TAG_KEY = re.compile(r"[\w\s.:/=+@-]{1,128}")
_TAG_VALUE = re.compile(r"[\w\s.:/=+@-]{0,256}")
_NAME_RULE = "2 to 64 letters, digits and _+=,.@-"


class Given(NamedTuple):
    """A value, and where it was given, in the user's words."""

    text: str
    where: str
    kind: type[Failure]

    def refuse(self, rule: str) -> Failure:
        """Make the failure that says which value, from where, breaks which rule."""
        shown = self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "…"
        return self.kind(f"{self.where}: {shown!r} is not {rule}")


class Step(NamedTuple):
    """One AssumeRole: the parameters it is called with, whose profile it is, and how its MFA code is had."""

    profile: Profile | None
    parameters: dict[str, Any]
    mfa_serial: str | None
    mfa_process: str | None

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        return str(self.parameters["RoleArn"])

    @property
    def account_id(self) -> str:
        """The role's account."""
        return self.role_arn.split(":")[4]

    @property
    def seconds(self) -> int:
        """How long the session is asked to be; AWS's default is an hour."""
        return int(self.parameters.get("DurationSeconds", CHAINED_SECONDS))


class Reader:
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
        value = self.profile.get(key) if self.profile and key else None
        if self.profile and key and value is not None:
            where = (
                f'{key} of profile "{self.profile.name}" in {self.config.where(self.profile, key)}'
            )
            return Given(value, where, ConfigurationFailure)
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
        if whole:
            for text in re.split(r"[,\n]", whole.text):
                if text.strip():
                    yield whole._replace(text=text.strip())

    def step(self, role_arn: Given) -> Step:
        """Read everything for one role. Raises UsageFailure or ConfigurationFailure for what AWS would refuse."""
        if not ARN.fullmatch(role_arn.text):
            raise role_arn.refuse("a role ARN (arn:aws:iam::123456789012:role/NAME)")
        parameters: dict[str, Any] = {
            "RoleArn": role_arn.text,
            "RoleSessionName": self._session_name(),
        }
        optional = {
            "DurationSeconds": self._duration(),
            "ExternalId": self._matching(
                "external_id", _EXTERNAL_ID, "2 to 1224 letters, digits and _+=,.@:/-"
            ),
            "Policy": self._policy(),
            "PolicyArns": self._policy_arns(),
            "Tags": self._tags(),
            "SourceIdentity": self._source_identity(),
        }
        parameters.update({name: value for name, value in optional.items() if value})
        transitive = self._transitive_tags(parameters.get("Tags", []))
        if transitive:
            parameters["TransitiveTagKeys"] = transitive
        serial = self._matching("mfa_serial", _SERIAL, "the serial number or ARN of an MFA device")
        process = self.profile.get("mfa_process") if self.profile else None
        return Step(self.profile, parameters, serial, process)

    def _matching(self, name: str, pattern: re.Pattern[str], rule: str) -> str | None:
        given = self.given(name, name)
        if given and not pattern.fullmatch(given.text):
            raise given.refuse(rule)
        return given.text if given else None

    def _session_name(self) -> str:
        given = self.given("session_name", "role_session_name", "AWSASSUME_SESSION_NAME")
        if given is None:
            return default_session_name()
        if not _NAME.fullmatch(given.text):
            raise given.refuse(_NAME_RULE)
        return given.text

    def _duration(self) -> int | None:
        given = self.given("duration", "duration_seconds", "AWSASSUME_DURATION")
        if given is None:
            return None
        seconds = _seconds(given)
        if seconds is None:
            raise given.refuse("a whole number of seconds")
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            raise given.refuse(f"from {SHORTEST_SECONDS} seconds (15m) to {LONGEST_SECONDS} (12h)")
        return seconds

    def _policy(self) -> str | None:
        given = self.given("policy", "policy")
        if given is None:
            return None
        text = given.text
        if not text.lstrip().startswith("{"):
            path = os.path.expanduser(text)
            try:
                path = self.config.files.note(path)
                with open(path, encoding="utf-8") as file:
                    text = file.read(1 << 16)
            except (OSError, UnicodeError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                raise given.kind(f"{given.where}: {path} can't be read: {reason}") from None
        try:
            document = json.loads(text)
        except ValueError as error:
            raise given.refuse(f"JSON ({error})") from None
        if not isinstance(document, dict):
            raise given.refuse("a policy document, which is a JSON object")
        return json.dumps(document, separators=(",", ":"))

    def _policy_arns(self) -> list[dict[str, str]]:
        found = list(self.listed("policy_arns", "--policy-arn", "policy_arns"))
        for given in found:
            if not _POLICY_ARN.fullmatch(given.text):
                raise given.refuse("a policy ARN (arn:aws:iam::aws:policy/NAME)")
        if len(found) > 10:  # noqa: PLR2004  # AWS's limit
            raise found[10].refuse("allowed: at most 10 policy ARNs")
        return [{"arn": given.text} for given in found]

    def _tags(self) -> list[dict[str, str]]:
        tags: dict[str, tuple[str, str]] = {}
        for given in self.listed("tags", "--tag", "session_tags"):
            key, equals, value = given.text.partition("=")
            key, value = key.strip(), value.strip()
            if not equals or not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
                raise given.refuse("a tag: KEY=VALUE, of letters, digits, blanks and _.:/=+-@")
            if key.lower() in tags:
                raise given.refuse(f'allowed: the tag key "{key}" is given twice')
            tags[key.lower()] = (key, value)
            if len(tags) > 50:  # noqa: PLR2004  # AWS's limit
                raise given.refuse("allowed: at most 50 tags")
        return [{"Key": key, "Value": value} for key, value in tags.values()]

    def _transitive_tags(self, tags: list[dict[str, str]]) -> list[str]:
        keys = {tag["Key"] for tag in tags}
        found = list(self.listed("transitive_tags", "--transitive-tag", "transitive_session_tags"))
        for given in found:
            if given.text not in keys:
                raise given.refuse("the key of one of the session tags")
        return [given.text for given in found]

    def _source_identity(self) -> str | None:
        given = self.given("source_identity", "source_identity")
        if given and (not _NAME.fullmatch(given.text) or given.text.startswith("aws:")):
            raise given.refuse(_NAME_RULE)
        return given.text if given else None


def _seconds(given: Given) -> int | None:
    if given.text.isascii() and given.text.isdecimal():
        return int(given.text[:9])
    if given.where == "AWSASSUME_DURATION":
        try:
            return words.duration(given.text)
        except ValueError:
            return None
    return None


def default_session_name() -> str:
    """Make ``user@host`` a RoleSessionName: what it may not hold becomes ``-``, and it is cut to 64."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "user"
    name = f"{user}@{socket.gethostname()}"
    return re.sub(r"[^\w+=,.@-]", "-", name, flags=re.ASCII)[:64]
