"""The errors of the fake AWS, with the codes and words of the real one."""

from __future__ import annotations


class AwsError(Exception):
    """A refusal, as an AWS service words it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        """Keep AWS's code, its message and the HTTP status."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> AwsError:
    """Return a ValidationError with this message."""
    return AwsError("ValidationError", message)


def constraint(value: str, member: str, rule: str) -> AwsError:
    """Return the ValidationError of one member that breaks one rule of the API model."""
    return validation(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"{rule}"
    )


def not_authorized(caller_arn: str, action: str, resource: str, why: str = "") -> AwsError:
    """Return the AccessDenied of an action that no policy allows."""
    because = f" because {why}" if why else ""
    return AwsError(
        "AccessDenied",
        f"User: {caller_arn} is not authorized to perform: {action} "
        f"on resource: {resource}{because}",
        403,
    )


def invalid_token() -> AwsError:
    """Return the error of an unknown key, or of a session token that is not the key's."""
    return AwsError(
        "InvalidClientTokenId", "The security token included in the request is invalid.", 403
    )
