"""What the keys of a profile may hold: one rule for all of them.

A key that is there means something. Where it is empty, or holds lines where a word belongs, nobody can tell what was meant,
and to go on without it would be to go on as somebody else.
"""

from collections.abc import Mapping
from typing import Any

# One word or line, and never an empty one.
_WORDS = frozenset(
    (
        "aws_access_key_id",
        "aws_secret_access_key",
        "credential_source",
        "duration_seconds",
        "ec2_metadata_service_endpoint",
        "external_id",
        "login_session",
        "role_arn",
        "services",
        "source_identity",
        "source_profile",
        "sso_account_id",
        "sso_region",
        "sso_role_name",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    )
)
# The same, and may go on in the next line.
_TEXTS = frozenset(("credential_process", "mfa_process", "policy"))
# May be lines of KEY = VALUE, which botocore reads as a section of its own.
_LISTS = frozenset(("policy_arns", "session_tags", "transitive_session_tags"))
# botocore takes these for absent where they are empty, and nobody is another without them.
_OPTIONAL = frozenset(
    (
        "aws_account_id",
        "aws_security_token",
        "aws_session_token",
        "ca_bundle",
        "endpoint_url",
        "ignore_configured_endpoint_urls",
        "region",
        "role_session_name",
        "sso_registration_scopes",
        "sts_regional_endpoints",
        "use_dualstack_endpoint",
        "use_fips_endpoint",
    )
)
# What holds for calls that others sign.
SETTINGS = frozenset(
    (
        "ca_bundle",
        "endpoint_url",
        "ignore_configured_endpoint_urls",
        "region",
        "services",
        "sts_regional_endpoints",
        "use_dualstack_endpoint",
        "use_fips_endpoint",
    )
)

# Keys by which other tools name a source, or what their keys begin with; and how it is written here.
_BY_PROFILE = "source_profile = NAME"
_BY_PROCESS = (
    "credential_process = COMMAND, or source_profile = a profile that holds what that tool gets"
)
_FOREIGN = {
    "include_profile": _BY_PROFILE,
    "parent_profile": _BY_PROFILE,
    "jump_role_arn": "source_profile = a profile with that role_arn",
    "web_identity_token_process": "credential_process = COMMAND, or web_identity_token_file = FILE",
    "web_identity_": _BY_PROCESS,
    "saml_": _BY_PROCESS,
    "adfs_config.": _BY_PROCESS,
    "azure_": _BY_PROCESS,
    "google_config.": _BY_PROCESS,
    "granted_": _BY_PROCESS,
    "okta_": _BY_PROCESS,
    "onelogin_": _BY_PROCESS,
}
_OWN = ("source_profile", "credential_source")


def foreign(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Find a key by which another tool names a source, or one of ours that is misspelt; and what to write for it."""
    for key in values:
        if key in _WORDS:
            continue
        for start, how in _FOREIGN.items():
            if key == start or (start[-1] in "_." and key.startswith(start)):
                return key, how
        plain = key.replace("-", "_")
        for own in _OWN:
            if plain in {own, own + "s", own.replace("_", "")}:
                return key, f"{own} = {'NAME' if own == _OWN[0] else 'Environment'}"
    return None


def settled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give a section without the keys that are empty and count as absent."""
    return {
        key: value for key, value in values.items() if value != "" or not _may_lack(key, values)
    }


def fault(values: Mapping[str, Any], among: frozenset[str] | None = None) -> tuple[str, str] | None:
    """Find a key that can't be followed: the key, and what is wrong with it. ``among`` are those that are looked at."""
    for key, value in values.items():
        if among is not None and key not in among:
            continue
        wrong = _wrong(key, value, values)
        if wrong:
            return key, wrong
    return None


def _wrong(key: str, value: object, values: Mapping[str, Any]) -> str | None:
    is_word = key in _WORDS or key in _OPTIONAL or key == "mfa_serial"
    if not (is_word or key in _TEXTS or key in _LISTS):
        return None
    if isinstance(value, dict):
        return None if key in _LISTS else "is a block of lines, where a word belongs"
    if not value:
        return None if _may_lack(key, values) else "is empty"
    if is_word and "\n" in str(value):
        return "has more than one line: the next one begins with a blank, and so belongs to it"
    return None


def _may_lack(key: str, values: Mapping[str, Any]) -> bool:
    # A source's device is only looked at; a role's is what its policy asks for.
    return key in _OPTIONAL or (key == "mfa_serial" and "role_arn" not in values)
