"""A role that wants MFA: by the one session that a code buys for all of them, or with a code of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from awsassume import identity, sts
from awsassume.errors import RefusedFailure, SourceFailure
from awsassume.parameters import CHAINED_SECONDS
from awsassume.refusals import STALE
from awsassume.sessions import Session

if TYPE_CHECKING:
    from awsassume.assume import Assumer
    from awsassume.credentials import Credentials
    from awsassume.plan import Hop, Plan

_DENIED = "AWS refused GetSessionToken"


class Device:
    """The MFA device of a hop, and AWS as the hop is called with the credentials of the device's owner."""

    def __init__(self, assumer: Assumer, made: Plan, hop: Hop, aws: sts.Aws) -> None:
        self._assumer = assumer
        self._made = made
        self._hop = hop
        self._aws = aws
        self._serial = hop.step.mfa_serial or ""
        self._key = identity.digest(
            "mfa", aws.credentials.access_key_id, self._serial, hop.endpoint
        )

    def assume_role(self) -> Credentials:
        """Assume the role of the hop. Raises Failure."""
        step, tell = self._hop.step, self._assumer.tell
        if self._aws.credentials.session_token is not None:
            why = "its source is temporary"
        elif step.seconds > CHAINED_SECONDS:
            why = "it is to last longer than an hour"
        else:
            tell(f"MFA: one GetSessionToken session for every role behind {self._serial}")
            try:
                return self._by_session()
            except RefusedFailure as failure:
                if not failure.message.startswith(_DENIED):
                    raise
                why = f"GetSessionToken was refused: {failure.message}"
        tell(f"MFA: the code goes with AssumeRole, since {why}")
        return self._assumer.codes.use(
            step,
            lambda code: sts.assume_role(
                self._aws, {**step.parameters, "SerialNumber": self._serial, "TokenCode": code}
            ),
        )

    def _by_session(self) -> Credentials:
        """Assume it with the device's session: one code serves every role of up to an hour."""
        parameters = self._hop.step.parameters
        try:
            return sts.assume_role(self._with(self._session(again=False)), parameters)
        except SourceFailure as failure:
            if failure.code not in STALE or not self._assumer.cache.was_kept(self._key):
                raise
            self._assumer.tell(
                f"AWS no longer takes the MFA session that was kept ({failure.code})"
            )
        return sts.assume_role(self._with(self._session(again=True)), parameters)

    def _with(self, session: Session) -> sts.Aws:
        aws = self._assumer.aws(self._hop, session.credentials)
        aws.whose = f"the MFA session of {self._serial}"
        return aws

    def _session(self, *, again: bool) -> Session:
        def call() -> Session:
            credentials = self._assumer.codes.use(
                self._hop.step, lambda code: sts.get_session_token(self._aws, self._serial, code)
            )
            about = {"mfa_serial": self._serial, "source": str(self._made.origin)}
            return Session(credentials, int(time.time()), about)

        what = f"MFA session of {self._serial}"
        return self._assumer.kept(self._made, self._key, what, call, role_arn="", again=again)
