"""MFA codes for a call to AWS: given, from a process, or asked, and asked again where one was wrong."""

import os
from collections.abc import Callable, Mapping

from awsassume import process, prompt, spelling
from awsassume.credentials import Credentials
from awsassume.errors import Unasked, WrongTokenCode
from awsassume.parameters import Step
from awsassume.request import Request

CODES = 3
VARIABLE = "AWSASSUME_TOKEN_CODE"


class Codes:
    """Where one run has its MFA codes from. ``may_ask`` is false where no question may be put (--renew)."""

    def __init__(self, request: Request, environ: Mapping[str, str], *, may_ask: bool) -> None:
        self.request = request
        self.environ = environ
        self.may_ask = may_ask
        self._unused: dict[str, str] = {}

    def asks(self, step: Step) -> bool:
        """Tell whether a person would be asked for a code on this step."""
        return bool(step.mfa_serial) and self.may_ask and not (self.given or step.mfa_process)

    def refuse_loop(self, step: Step) -> None:
        """Raise ConfigurationFailure where we were started to give the very code that we would have asked for."""
        if step.mfa_serial and step.mfa_process and not self.given:
            process.refuse_device(step.mfa_serial, self.environ)

    @property
    def given(self) -> str | None:
        """The code that came with the command line or the environment, if one did."""
        return self.request.token_code or self.environ.get(VARIABLE)

    def use(self, step: Step, call: Callable[[str], Credentials]) -> Credentials:
        """Call with an MFA code; a person may type it wrong twice. Raises Unasked where there is nobody to ask."""
        serial = step.mfa_serial or ""
        code = self._unused.pop(serial, None)
        note = None
        if code is not None:
            try:
                return call(code)
            except WrongTokenCode as failure:
                if not self.asks(step):
                    raise
                note = _again(failure)
        code = self._without_asking(step)
        if code is not None:
            return self._called(serial, code, call)
        if not self.may_ask:
            raise Unasked(
                f"an MFA code for {serial} is needed",
                f"run: {spelling.command(['awsassume', self.request.role or 'ROLE'])}",
            )
        for left in reversed(range(CODES)):
            try:
                return self._called(serial, prompt.ask(serial, note), call)
            except WrongTokenCode as failure:
                if not left:
                    raise
                note = _again(failure)
        raise KeyboardInterrupt

    def _called(self, serial: str, code: str, call: Callable[[str], Credentials]) -> Credentials:
        # Where the call is refused for another reason than the code, the next way may still use it.
        self._unused[serial] = code
        try:
            return call(code)
        except WrongTokenCode:
            del self._unused[serial]
            raise

    def _without_asking(self, step: Step) -> str | None:
        given = self.given
        if given:
            return prompt.checked(given, "--token-code" if self.request.token_code else VARIABLE)
        if step.mfa_process:
            name = step.profile.name if step.profile else ""
            environ = process.for_device(step.mfa_serial or "", os.environ)
            return prompt.from_process(step.mfa_process, name, environ)
        return None


def _again(failure: WrongTokenCode) -> str:
    return f"{failure.message}. Wait for the next code."
