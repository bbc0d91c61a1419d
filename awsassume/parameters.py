"""The parameters of AssumeRole: command line before profile before variable, and each checked by AWS's own rule.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import getpass
import json
import os
import re
import socket
from typing import Any, NamedTuple

from awsassume import words
from awsassume.config import Profile
from awsassume.errors import ConfigurationFailure
from awsassume.given import Given, Settings

SHORTEST_SECONDS = 900
_DURATION = "AWSASSUME_DURATION"
LONGEST_SECONDS = 12 * 3600
CHAINED_SECONDS = 3600
ARN = re.compile(
    r"arn:(aws[a-z-]*):iam::(\d{12}):role/((?:[\w+=,.@-]+/)*([\w+=,.@-]{1,64}))", re.ASCII
)
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
# A hardware device's serial number, or a device's ARN; a security key (u2f) gives no code.
_SERIAL = re.compile(
    r"(?!arn:)[\w+=/:,.@-]{9,256}|arn:aws[a-z-]*:iam::\d{12}:(?:sms-)?mfa/[\w+=/,.@-]+", re.ASCII
)
_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+", re.ASCII)
# Letters, digits and blanks of any script; \s alone would let in tabs and line ends.
_TAG = r"(?:[\w.:/=+@-]|[^\S\x00-\x1f\x7f-\x9f])"
_TAG_KEY = re.compile(_TAG + r"{1,128}")
_TAG_VALUE = re.compile(_TAG + r"{0,256}")
_MOST_POLICY = 2048
REGION = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
REGION_RULE = "a Region, such as eu-west-1"
_NAME_RULE = "2 to 64 letters, digits and _+=,.@-"


class Step(NamedTuple):
    """One AssumeRole: the parameters it is called with, whose profile it is, and how its MFA code is had.

    ``duration`` says where the duration was given, if it was.
    """

    profile: Profile | None
    parameters: dict[str, Any]
    mfa_serial: str | None
    mfa_process: str | None
    duration: Given | None

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

    def chained(self) -> "Step":
        """Give the step as it can be with temporary credentials as its source, which is for an hour at most.

        A longer default of the environment gives way. Raises UsageFailure or ConfigurationFailure for a longer wish.
        """
        if self.seconds <= CHAINED_SECONDS or self.duration is None:
            return self
        if self.duration.where == _DURATION:
            return self._replace(parameters={**self.parameters, "DurationSeconds": CHAINED_SECONDS})
        failure = self.duration.kind(
            f"{self.duration.where}: {self.seconds} s is too long for {self.role_arn}:"
            " with temporary credentials as its source a role lasts an hour at most",
            "give 1h, or a source with long-term keys",
        )
        raise failure


class Reader(Settings):
    """Reads one role's parameters, and refuses here what AWS would refuse there."""

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
        return Step(self.profile, parameters, self.serial(), self.process(), self._duration_given())

    def serial(self) -> str | None:
        """Read which MFA device."""
        given = self.given("mfa_serial", "mfa_serial")
        if given and ":u2f/" in given.text:
            raise given.refuse(
                "a device that gives codes: it is a security key, which STS does not take"
            )
        return self._matching(
            "mfa_serial",
            _SERIAL,
            "the serial number or ARN (arn:aws:iam::123456789012:mfa/NAME) of an MFA device",
        )

    def device(self) -> Given:
        """Say where the MFA device is named."""
        return self.given("mfa_serial", "mfa_serial") or Given(
            "", "mfa_serial", ConfigurationFailure
        )

    def process(self) -> str | None:
        """Read which command gives the device's codes."""
        return self.profile.get("mfa_process") if self.profile else None

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

    def _duration_given(self) -> Given | None:
        # The team's default is for the role that is asked for, and not for those on the way.
        variable = _DURATION if self.request else None
        return self.given("duration", "duration_seconds", variable)

    def _duration(self) -> int | None:
        given = self._duration_given()
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
            path = self.config.files.expanded(text)
            if given.kind is ConfigurationFailure:
                # What a config file names is the same file wherever one stands.
                path = os.path.join(os.path.dirname(self.config.config_file), path)
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
        packed = json.dumps(document, separators=(",", ":"))
        if len(packed) > _MOST_POLICY:
            raise given.refuse(
                f"allowed: {len(packed)} characters, and at most {_MOST_POLICY} may be"
            )
        return packed

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
                raise given.refuse(
                    f'allowed: the tag key "{key}" is given twice (case does not count)'
                )
            if key.lower().startswith("aws:"):
                raise given.refuse("allowed: a tag key can't begin with aws:")
            tags[key.lower()] = (key, value)
            if len(tags) > 50:  # noqa: PLR2004  # AWS's limit
                raise given.refuse("allowed: at most 50 tags")
        return [{"Key": key, "Value": value} for key, value in tags.values()]

    def _transitive_tags(self, tags: list[dict[str, str]]) -> list[str]:
        keys = {tag["Key"].lower() for tag in tags}
        found = list(self.listed("transitive_tags", "--transitive-tag", "transitive_session_tags"))
        for given in found:
            if given.text.lower() not in keys:
                raise given.refuse("the key of one of the session tags")
        return list(dict.fromkeys(given.text for given in found))

    def _source_identity(self) -> str | None:
        given = self.given("source_identity", "source_identity")
        if given and not _NAME.fullmatch(given.text):
            raise given.refuse(_NAME_RULE)
        return given.text if given else None


def _seconds(given: Given) -> int | None:
    if given.text.isascii() and given.text.isdecimal():
        return int(given.text[:9])
    if given.where == _DURATION:
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
