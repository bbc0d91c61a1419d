"""What goes wrong where source credentials are had, and what to do about it, in the user's words."""

import re
import sys

from botocore import exceptions

from awsassume import person, spelling
from awsassume.config import Config, Origin
from awsassume.errors import ConfigurationFailure, LoginFailure, SourceFailure

_SSO = (exceptions.SSOError, exceptions.TokenRetrievalError)


def renewal(config: Config, origin: Origin) -> str:
    """Say how to get new credentials where an origin's have ended."""
    profile = config.find(origin.name) if origin.kind == "profile" else None
    if profile is None:
        if origin.kind == "Environment":
            return "export new ones, or unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
        return "get new ones, or give another source: --profile NAME"
    name = spelling.command([profile.name])
    if profile.get("sso_account_id") or profile.get("sso_role_name"):
        return f"run: aws sso login --profile {name}, or: awsassume --login {name}"
    if profile.get("login_session"):
        return f"run: aws login --profile {name}"
    if profile.has_static_keys:
        return (
            f"put new ones into {config.where(profile, 'aws_access_key_id')},"
            " or give another source: --profile NAME"
        )
    return "get new ones, or give another source: --profile NAME"


def explained(
    error: Exception, config: Config, origin: Origin
) -> SourceFailure | ConfigurationFailure:
    """Make what a provider of botocore raised a sentence and a next step."""
    if isinstance(error, exceptions.ClientError):
        return _refused(error, config, origin)
    if isinstance(error, (*_SSO, exceptions.LoginError)):
        kind, what = (
            (SourceFailure, "login")
            if isinstance(error, exceptions.LoginError)
            else (LoginFailure, "SSO login")
        )
        return kind(
            f"the {what} of {origin} has expired or was never made", renewal(config, origin)
        )
    if isinstance(error, exceptions.MissingDependencyException):
        install = [sys.executable, "-m", "pip", "install", "botocore[crt]"]
        return SourceFailure(
            f"the login of {origin} can't be refreshed here: botocore lacks its crt part",
            f"run: {spelling.command(install)}; or install awsassume with its extra, login",
        )
    if isinstance(error, exceptions.PartialCredentialsError):
        return SourceFailure(
            f"{origin} has only part of its credentials: {error.kwargs.get('cred_var')} is missing",
            "what awsassume starts has no keys but the role's: give --profile NAME, or --chain"
            if origin.kind == "Environment"
            else None,
        )
    if isinstance(error, exceptions.InvalidConfigError):
        return ConfigurationFailure(
            str(error.kwargs.get("error_msg") or error), f"edit {config.config_file}"
        )
    if isinstance(error, exceptions.CredentialRetrievalError):
        return _process(str(error), config, origin)
    if isinstance(error, exceptions.HTTPClientError):
        where = str(error.kwargs.get("endpoint_url") or "the network")
        return SourceFailure(
            f"the credentials of {origin} can't be had: {where} can't be reached",
            "check the network and the proxy, then try again",
        )
    if isinstance(error, RuntimeError) and "expired" in str(error):
        return SourceFailure(f"the credentials of {origin} have expired", renewal(config, origin))
    if isinstance(error, ValueError) and origin.kind == "Environment":
        return SourceFailure(
            f"the credentials of {origin} can't be used: AWS_CREDENTIAL_EXPIRATION is no date"
        )
    profile = config.find(origin.name) if origin.name else None
    if isinstance(error, OSError):
        token = profile.get("web_identity_token_file") if profile else None
        key = "web_identity_token_file" if token else "credential_process"
        if origin.kind == "WebIdentity":
            key = "AWS_WEB_IDENTITY_TOKEN_FILE"
        return SourceFailure(
            f"{key} of {origin} can't be used: {error.filename or ''}: {error.strerror}",
            "is the path right?",
        )
    if profile and profile.get("credential_process"):
        # Its output was no JSON, or no UTF-8; neither may be shown, since secrets may be in it.
        hint = spelling.trial(profile.get("credential_process"))
        return SourceFailure(
            f"credential_process of {origin} printed no credentials that can be read",
            hint,
            quotes=(hint,),
        )
    said = _last_line(str(error))
    return SourceFailure(f"the credentials of {origin} can't be had: {said}", quotes=(said,))


def _refused(error: exceptions.ClientError, config: Config, origin: Origin) -> SourceFailure:
    details = error.response.get("Error", {})
    code, words = str(details.get("Code", "")), _last_line(str(details.get("Message", "")))
    operation = error.operation_name
    if operation == "GetRoleCredentials" or code == "UnauthorizedException":
        if code == "UnauthorizedException":
            return LoginFailure(
                f"the SSO login of {origin} is no longer accepted ({code})",
                renewal(config, origin),
            )
        profile = config.find(origin.name)
        wanted = (
            f"{profile.get('sso_role_name')} in account {profile.get('sso_account_id')}"
            if profile
            else "it"
        )
        return SourceFailure(
            f"the SSO user of {origin} may not have {wanted}: {words} ({code})",
            "check sso_account_id and sso_role_name",
        )
    hint = None
    if "WebIdentity" in operation:
        hint = "the token in web_identity_token_file must be a fresh one of a provider that the role trusts"
    return SourceFailure(
        f"AWS refused {operation} for {origin}: {words or 'no reason given'} ({code})", hint
    )


def _process(text: str, config: Config, origin: Origin) -> SourceFailure:
    said = re.sub(r"^Error when retrieving credentials from [\w-]+: ", "", text)
    profile = config.find(origin.name) if origin.kind == "profile" else None
    command = profile.get("credential_process") if profile else None
    hint = spelling.trial(command) if profile and not profile.calls_us else None
    line = _last_line(said)
    return SourceFailure(
        f"the credentials of {origin} can't be had: {line}", hint, quotes=(line, hint)
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Where it was one of us, the last line is what to do next, and not what is wrong.
    ours = [line.partition("awsassume: ")[2] for line in lines if "awsassume: " in line]
    said = (ours or lines or ["no reason given"])[-1]
    return person.plain(said[:300], "")
