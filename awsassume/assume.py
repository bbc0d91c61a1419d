"""The slow way: resolve, lock, look again, call, store."""

import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext

from awsassume import names, plan, private, prompt, sessions, source, sts, words
from awsassume.config import Chain, Config, did_you_mean
from awsassume.credentials import Credentials
from awsassume.errors import (
    ConfigurationFailure,
    Failure,
    LoginFailure,
    RefusedFailure,
    SourceFailure,
    Unasked,
    WrongTokenCode,
)
from awsassume.parameters import CHAINED_SECONDS, Step
from awsassume.plan import Hop, Plan, Planner
from awsassume.request import Request
from awsassume.sessions import Session
from awsassume.spinner import Waiting, silent

CODES = 3


class Assumer:
    """Gets the session that a request asks for, by way of as few calls as it takes.

    ``cache`` is the directory of the cache or ``None``, ``tell`` takes what --verbose says and ``warn`` what everybody must
    hear. ``may_ask`` is false where no question may be put (--renew). ``started`` is when this process began to wait, and
    ``waiting`` shows that it does.
    """

    def __init__(  # the world, injected
        self,
        request: Request,
        environ: Mapping[str, str],
        cache: str | None,
        *,
        tell: Callable[[str], None],
        warn: Callable[[str], None],
        may_ask: bool = True,
        started: float | None = None,
        waiting: Waiting = silent,
    ) -> None:
        self.request = request
        self.environ = environ
        self.cache = None if request.no_cache else cache
        self.tell = tell
        self.warn = warn
        self.may_ask = may_ask
        self.started = time.time() if started is None else started
        self.config = Config(environ)
        self.waiting = waiting
        self.clock = sts.Clock(waiting=waiting)
        self.clock.spend(time.time() - self.started)
        self.planner = Planner(request, self.config)
        # The name whose ARN was remembered, and the one whose ARN could only be guessed.
        self._looked_up: str | None = None
        self._is_crowded = False
        self._guessed: str | None = None

    def plan(self) -> Plan:
        """Say what the request means. Raises Failure; only a role's plain name may need a call."""
        profile = self.planner.profile()
        if profile is not None:
            self.tell(f'"{profile.name}" is a profile')
            return self._told(self.planner.for_profile(profile))
        form, role = plan.role_form(self.request, self.config)
        chain = self.planner.source_chain()
        if form == "name":
            return self._told(self._by_name(role, chain, again=False))
        if form == "account":
            account, _, name = role.partition(":")
            region = (
                self.planner.region([])
                or self.environ.get("AWS_REGION")
                or self.environ.get("AWS_DEFAULT_REGION")
            )
            if not region and chain.origin.kind == "profile":
                found = self.config.find(chain.origin.name)
                region = found.get("region") if found else None
            role = f"arn:{sts.partition_of(region or '')}:iam::{account}:role/{name}"
        return self._told(self.planner.for_arn(role, plan.label_of(role), chain))

    def _told(self, made: Plan) -> Plan:
        path = " → ".join(hop.step.role_arn for hop in reversed(made.hops))
        self.tell(f"source: {made.origin}" + (f"; then {path}" if path else ""))
        return made

    def obtain(self, made: Plan) -> Session:
        """Get the session of a plan, from the cache or from AWS. Raises Failure."""
        try:
            return self._session(made, 0)
        except RefusedFailure as failure:
            name = self._looked_up
            if name is None or failure.code != "AccessDenied":
                raise self._advised(failure, made) from None
            self.tell(f"{made.hops[0].step.role_arn} was refused; looking the name up again")
            again = self._by_name(name, self.planner.source_chain(), again=True)
            if again.target.key == made.target.key:
                raise self._advised(failure, made) from None
            made.target.key = again.target.key
            try:
                return self._session(again, 0)
            except RefusedFailure as refused:
                raise self._advised(refused, again) from None

    def behind(self, made: Plan, index: int) -> Session:
        """Get the session that the hop of this index is assumed with; the origin's own behind the last. Raises Failure."""
        return self._session(made, index + 1)

    def attempt(self, made: Plan, index: int) -> Session:
        """Assume the role of a hop by a call to AWS, whatever the cache holds, and keep nothing. Raises Failure."""
        return self._assumed(made, index, made.hops[index])

    def aws(self, hop: Hop, credentials: Credentials, clock: sts.Clock | None = None) -> sts.Aws:
        """Give AWS as a hop is called. What is not the matter itself takes a clock of its own."""
        profile = hop.step.profile
        return sts.Aws(
            self.config, profile, hop.region, credentials, clock or self.clock, self.tell
        )

    def _session(self, made: Plan, index: int) -> Session:
        hop = made.hops[index] if index < len(made.hops) else None
        key = hop.key if hop else made.origin_key
        what = hop.step.role_arn if hop else str(made.origin)
        asked = index == 0
        minimum = self.request.min_remaining if asked else None

        def call() -> Session:
            return self._assumed(made, index, hop) if hop else self._loaded(made)

        return self._kept(
            key,
            what,
            call,
            again=asked and self.request.refresh,
            minimum=minimum,
            made=made,
        )

    def _waits(self, made: Plan) -> float:
        most = sessions.TYPING_SECONDS if made.asks_for_code else sessions.WAIT_SECONDS
        # A clock that jumps meanwhile must not make it more.
        return min(most, max(0.0, self.started + most - time.time()))

    def _kept(  # what a session is kept under, and on what terms
        self,
        key: str,
        what: str,
        call: Callable[[], Session],
        *,
        again: bool,
        minimum: int | None,
        made: Plan,
    ) -> Session:
        """Look, lock, look again, call, store."""
        if self.cache is None and not self.request.no_cache:
            self.warn("no session is kept: there is no home directory; set AWSASSUME_CACHE_DIR")
        if not key or self.cache is None:
            return call()
        if not again:
            found = self._look(key, what, minimum)
            if found:
                return found
        began = time.monotonic()
        with sessions.Lock(self.cache, key, self._waits(made)) as lock:
            if not made.asks_for_code:
                self.clock.spend(time.monotonic() - began)
            if not lock.held:
                self.tell(f"{what}: {lock.reason}; going on without")
            found = self._look(key, what, minimum)
            if found and (not again or found.issued >= self.started):
                return found
            self._heed(key, what)
            self._is_crowded |= lock.is_busy
            if lock.is_busy and self._asks_a_person(made):
                raise Unasked(
                    "another awsassume has been asking for the MFA code",
                    "answer it, then try again",
                )
            try:
                session = call()
            except Failure as failure:
                self._leave_word(key, failure)
                raise
            except KeyboardInterrupt:
                if self._asks_a_person(made):
                    # Else everybody who waits would ask in turn.
                    self._leave_word(key, SourceFailure("the MFA code was not given"))
                raise
            self._store(key, session)
            return session

    def _heed(self, key: str, what: str) -> None:
        """Raise the failure that another process met since we began, unless we bring a code of our own."""
        if self._code_given():
            return
        failure = sessions.failure_since(self.cache or "", key, self.started, time.time())
        if failure:
            self.tell(f"{what}: another awsassume met this while we waited")
            raise failure

    def _code_given(self) -> str | None:
        return self.request.token_code or self.environ.get("AWSASSUME_TOKEN_CODE")

    def _asks_a_person(self, made: Plan) -> bool:
        steps = (hop.step for hop in made.hops)
        return (
            self.may_ask
            and not self._code_given()
            and any(step.mfa_serial and not step.mfa_process for step in steps)
        )

    def _look(self, key: str, what: str, minimum: int | None) -> Session | None:
        try:
            found = sessions.read(self.cache or "", key)
        except private.UntrustedError as error:
            self.warn(f"not used: {error}")
            return None
        now = time.time()
        if found is None:
            self.tell(f"{what}: no session yet")
            return None
        if not found.is_fresh(now, minimum):
            self.tell(f"{what}: the session has {found.remaining(now):.0f} s left, too few")
            return None
        self.tell(f"{what}: a session with {found.remaining(now):.0f} s left")
        return found

    def _store(self, key: str, session: Session) -> None:
        try:
            sessions.write(self.cache or "", key, session)
        except (OSError, ValueError, private.UntrustedError) as error:
            if isinstance(error, private.UntrustedError):
                self.warn(f"not used: {error}")
                return
            reason = getattr(error, "strerror", None) or error
            self.warn(f"the session can't be kept in {self.cache}: {reason}")

    def _leave_word(self, key: str, failure: Failure) -> None:
        if isinstance(failure, Unasked):
            return
        if self.cache is not None and failure.exit_code in {
            SourceFailure.exit_code,
            RefusedFailure.exit_code,
        }:
            try:
                sessions.fail(self.cache, key, failure, time.time())
            except (OSError, ValueError, private.UntrustedError):
                return

    def _loaded(self, made: Plan) -> Session:
        began = time.monotonic()
        try:
            credentials = self._load(made)
        except LoginFailure:
            if not self._logs_in(made):
                raise
            credentials = self._load(made)
        self.tell(f"{made.origin}: {credentials!r}, {(time.monotonic() - began) * 1000:.0f} ms")
        return Session(
            credentials, int(time.time()), {"source": str(made.origin), "role": made.target.role}
        )

    def _load(self, made: Plan) -> Credentials:
        with self.waiting(str(made.origin)) if self._is_sso(made) else nullcontext():
            return source.load(self.config, made.origin)

    def _logs_in(self, made: Plan) -> bool:
        """Offer the login to a person who can see the question; an SDK that waits for us has no time for it."""
        if not self.may_ask or self.request.format == "process" or not prompt.can_ask():
            return False
        if self._is_crowded:
            # Another has been asking for as long as we waited.
            return False
        if not prompt.confirm(
            f"The SSO login of {made.origin} has expired or was never made. Log in now?"
        ):
            return False
        from awsassume import browser, login

        terms = login.Terms(
            browser.can_open(self.environ), self.environ, prompt.show, self.tell, self.waiting
        )
        login.log_in(self.config, login.sign_on(self.config, made.origin.name), terms)
        return True

    def _is_sso(self, made: Plan) -> bool:
        # A credential_process may put a question of its own, which nothing must be drawn over.
        found = self.config.find(made.origin.name) if made.origin.kind == "profile" else None
        return bool(found and (found.get("sso_session") or found.get("sso_start_url")))

    def _assumed(self, made: Plan, index: int, hop: Hop) -> Session:
        before = self._session(made, index + 1).credentials
        step = hop.step
        if before.session_token is not None and step.seconds > CHAINED_SECONDS:
            raise plan.too_long(step)
        if step.mfa_serial is None:
            credentials = sts.assume_role(self.aws(hop, before), step.parameters)
        elif before.session_token is None and step.seconds <= CHAINED_SECONDS:
            self.tell(f"MFA: one GetSessionToken session for every role behind {step.mfa_serial}")
            credentials = sts.assume_role(
                self.aws(hop, self._mfa(made, hop, before)), step.parameters
            )
        else:
            why = (
                "its source is temporary"
                if before.session_token
                else "it is to last longer than an hour"
            )
            self.tell(f"MFA: the code goes with AssumeRole, since {why}")
            aws = self.aws(hop, before)
            credentials = self._with_code(
                step,
                lambda code: sts.assume_role(
                    aws, {**step.parameters, "SerialNumber": step.mfa_serial, "TokenCode": code}
                ),
            )
        about = {
            "role_arn": step.role_arn,
            "source": str(made.origin),
            "region": made.target.region,
        }
        about["role"] = (
            made.target.role if index == 0 else (step.profile.name if step.profile else "")
        )
        return Session(credentials, int(time.time()), about)

    def _mfa(self, made: Plan, hop: Hop, before: Credentials) -> Credentials:
        """Get the session behind a device: one code serves every role of up to an hour."""
        step = hop.step
        serial = step.mfa_serial or ""
        profile = step.profile
        key = source.digest(
            "mfa",
            before.access_key_id,
            serial,
            hop.region,
            str(profile.get("endpoint_url") if profile else ""),
        )

        def call() -> Session:
            aws = self.aws(hop, before)
            credentials = self._with_code(
                step, lambda code: sts.get_session_token(aws, serial, code)
            )
            return Session(
                credentials, int(time.time()), {"mfa_serial": serial, "source": str(made.origin)}
            )

        what = f"MFA session of {serial}"
        return self._kept(key, what, call, again=False, minimum=None, made=made).credentials

    def _with_code(self, step: Step, call: Callable[[str], Credentials]) -> Credentials:
        """Call with an MFA code; a person may type it wrong twice."""
        serial = step.mfa_serial or ""
        given = self._code_given()
        if given:
            return call(
                prompt.checked(
                    given, "--token-code" if self.request.token_code else "AWSASSUME_TOKEN_CODE"
                )
            )
        if step.mfa_process:
            return call(
                prompt.from_process(step.mfa_process, step.profile.name if step.profile else "")
            )
        if not self.may_ask:
            raise Unasked(
                f"an MFA code for {serial} is needed", f"run: awsassume {self.request.role}"
            )
        note = None
        for left in reversed(range(CODES)):
            try:
                return call(prompt.ask(serial, note))
            except WrongTokenCode as failure:
                if not left:
                    raise
                note = f"{failure.message}. Wait for the next code."
        raise KeyboardInterrupt

    def _advised(self, failure: RefusedFailure, made: Plan) -> RefusedFailure:
        """Add the next step that only the plan knows."""
        if (
            failure.hint is None
            and made.hops
            and failure.code in {"AccessDenied", "AccessDeniedException"}
        ):
            close = self._perhaps_a_guess(self._guessed, failure) if self._guessed else None
            failure.hint = (
                close or f"run: awsassume --explain {shlex.join(words.renewal(self.request))}"
            )
        if failure.hint is None and made.hops and "MaxSessionDuration" in failure.message:
            failure.hint = self._longest(made)
        if made.target.key:
            self._leave_word(made.target.key, failure)
        return failure

    def _longest(self, made: Plan) -> str:
        """Say how long the role may last, where it may be read, and how to raise it."""
        hop = made.hops[0]
        name = hop.step.role_arn.rpartition("/")[2]
        raising = f"to raise it: aws iam update-role --role-name {name} --max-session-duration {hop.step.seconds}"
        try:
            aws = self.aws(hop, self._session(made, 1).credentials)
            most = aws.call("iam", "get_role", RoleName=name)["Role"]["MaxSessionDuration"]
        except (Failure, KeyError):
            return f"give a shorter --duration; {raising}"
        return f"its longest is {most} s: give --duration {most}; {raising}"

    def _by_name(self, name: str, chain: Chain, *, again: bool) -> Plan:
        """Plan for a role of the source's own account by its name, remembered or looked up."""
        sourced = self.planner.finished(
            self.planner.source_steps(chain.roles), chain.origin, name, None
        )
        identity = (
            sourced.hops[0].key if sourced.hops else source.identity(self.config, chain.origin)
        )
        key = names.key(identity, name, self.environ, self.request.region)
        arn = None if again or self.request.refresh else self._remembered(key)
        self._looked_up = name if arn else None
        if arn is None:
            try:
                arn = self._look_up(name, sourced, key)
            except (SourceFailure, RefusedFailure) as failure:
                raise self._perhaps_a_profile(name, failure) from None
            # As it stands now, in what is remembered of this command line; another's newer answer counts.
            arn = self._remembered(key) or arn
        return self.planner.for_arn(arn, name, chain)

    def _remembered(self, key: str) -> str | None:
        if self.cache is not None:
            self.config.files.note(f"{self.cache}/{names.FOLDER}/{key}", replaced=True)
        try:
            return names.remembered(self.cache, key)
        except private.UntrustedError as error:
            self.warn(f"not used: {error}")
            return None

    def _look_up(self, name: str, sourced: Plan, key: str) -> str:
        credentials = self._session(sourced, 0).credentials
        profile = (
            self.config.find(sourced.origin.name) if sourced.origin.kind == "profile" else None
        )
        region = (
            self.request.region
            or (profile.get("region") if profile else None)
            or self.environ.get("AWS_REGION")
            or self.environ.get("AWS_DEFAULT_REGION")
            or "us-east-1"
        )
        found = names.look_up(
            sts.Aws(self.config, profile, region, credentials, self.clock, self.tell), name
        )
        if found.arn is None:
            raise ConfigurationFailure(
                f'"{name}" is neither a profile of {self.config.config_file} nor a role of account {found.account_id}',
                did_you_mean(name, [*self.config.names, *found.names])
                or "see what there is: awsassume --list",
            )
        if found.guessed:
            self.tell(f"ListRoles is denied; taking {found.arn}")
            self._guessed = name
        elif self.cache is not None:
            try:
                names.remember(self.cache, key, found.arn)
            except (OSError, ValueError, private.UntrustedError) as error:
                self.tell(f"the role's ARN can't be kept: {error}")
        return found.arn

    def _perhaps_a_guess(self, name: str, failure: Failure) -> str | None:
        failure.message += f'; "{name}" is no profile, and ListRoles is denied, so whether there is such a role is not known'
        return did_you_mean(name, self.config.names)

    def _perhaps_a_profile(self, name: str, failure: Failure) -> Failure:
        """Say that the name was taken for a role's: who meant a profile looks for the fault elsewhere otherwise."""
        failure.message = (
            f'"{name}" is no profile, and can\'t be looked up as a role: {failure.message}'
        )
        failure.hint = did_you_mean(name, self.config.names) or failure.hint
        return failure
