"""What can go wrong, in the user's words, and the exit code that says so."""


class Failure(Exception):
    """An end that the user can do something about.

    ``message`` is one line in the user's own names. ``hint``, where there is one, is what to do next: ``run: …``.
    ``met`` is when it was met (epoch seconds), once word of it was left for others.
    ``code`` is AWS's own error code, such as ``AccessDenied``; empty where AWS had no part in it, or did not answer.
    ``quotes`` are the parts of both that are another program's words, or name it: people are shown them, no file is.
    """

    exit_code = 1
    met: float | None = None

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        code: str = "",
        *,
        quotes: "tuple[str | None, ...]" = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.quotes = quotes

    def without_quotes(self) -> tuple[str, str]:
        """Give the message and the hint for a file: what others said is left out, and a hint that names it too."""
        message, hint = self.message, self.hint or ""
        for quote in self.quotes:
            if quote:
                message = message.replace(quote, "…")
                hint = "" if quote in hint else hint
        return message, hint


class UsageFailure(Failure):
    """The command line does not say what to do."""

    exit_code = 2


class ConfigurationFailure(Failure):
    """The AWS config files, or a value in them or in the environment, cannot be followed."""

    exit_code = 3


class SourceFailure(Failure):
    """The source credentials are missing, expired, or cannot be had."""

    exit_code = 4


class LoginFailure(SourceFailure):
    """The SSO login of a profile has expired or was never made."""


class Unasked(SourceFailure):
    """A person would have to be asked, and this process can't: no matter of others, who perhaps can."""


class RefusedFailure(Failure):
    """AWS refused, or could not be reached."""

    exit_code = 5


class WrongTokenCode(RefusedFailure):
    """The MFA code was not the device's."""


BY_EXIT_CODE: dict[int, type[Failure]] = {
    kind.exit_code: kind
    for kind in (UsageFailure, ConfigurationFailure, SourceFailure, RefusedFailure)
}
