"""The slow way: resolve, lock, look again, call, store."""

import time
from collections.abc import Callable, Mapping

from awsassume import advice, complaints, device, names, paths, plan, process, prompt, sts
from awsassume.cache import Cache
from awsassume.clock import Clock
from awsassume.codes import Codes
from awsassume.config import Chain, Config, Origin
from awsassume.credentials import Credentials
from awsassume.errors import Failure, RefusedFailure, SourceFailure
from awsassume.plan import Hop, Plan, Planner
from awsassume.refusals import STALE
from awsassume.regions import partition_of
from awsassume.request import Request
from awsassume.sessions import Session
from awsassume.sources import Sources
from awsassume.spinner import Waiting, silent


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
        self.tell = tell
        self.warn = warn
        self.may_ask = may_ask
        self.started = time.time() if started is None else started
        self.waiting = waiting
        self.clock = Clock(waiting=waiting)
        self.clock.spend(time.time() - self.started)
        directory = None if request.no_cache else cache
        self.cache = Cache(directory, self.started, self.clock, tell=tell, warn=warn)
        self.cache.waits = not process.gives_code(environ)
        self.codes = Codes(request, environ, may_ask=may_ask)
        self.config = Config(environ)
        self.sources = Sources(self.config, self.cache, self.clock)
        self.planner = Planner(request, self.config, self.sources.who)
        # Whose credentials came, where they are another's than the plan's: "" where that can't be told.
        self.moved: str | None = None
        # The name whose ARN was remembered, and the one whose ARN could only be guessed.
        self._looked_up: str | None = None
        self.guessed: str | None = None
        if cache is None and not request.no_cache:
            strange = paths.strange_home(environ)
            if strange:
                tell(
                    f"no session is kept: {strange} is another user's; AWSASSUME_CACHE_DIR names another place"
                )
            else:
                warn("no session is kept: there is no home directory; set AWSASSUME_CACHE_DIR")

    def plan(self) -> Plan:
        """Say what the request means. Raises Failure; a role's plain name may need a call, and some sources must be asked."""
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
            region = self.planner.regions.named([self.config.settings(chain.origin)])
            partition = partition_of(region or self.planner.regions.around() or "")
            role = f"arn:{partition}:iam::{account}:role/{name}"
        return self._told(self.planner.for_arn(role, plan.label_of(role), chain))

    def _told(self, made: Plan) -> Plan:
        self.sources.describe(made.origin, made.target)
        if made.target.passed and self.may_ask:
            self.warn(made.target.passed)
        path = " → ".join(hop.step.role_arn for hop in reversed(made.hops))
        self.tell(f"source: {made.origin}" + (f"; then {path}" if path else ""))
        return made

    def obtain(self, made: Plan, *, again: bool = False) -> Session:
        """Get the session of a plan, from the cache or from AWS; ``again`` from AWS alone. Raises Failure."""
        session = self._obtained(made, again=again)
        if self.moved:
            self._keep_as(self.moved, made, session)
        return session

    def _keep_as(self, who: str, made: Plan, session: Session) -> None:
        """Keep a session under the name of whoever it was had as, where somebody else logged in or a login was renewed."""
        self.moved = None
        try:
            again = self.plan()
        except Failure:
            # It is had, and only not kept.
            return
        if again.identity == who:
            self.cache.keep(again.target.key, session)
            made.target.key, made.target.principal = again.target.key, again.target.principal

    def obtain_anew(
        self, made: Plan, failure: Failure, *, index: int = -1, stale: frozenset[str] = STALE
    ) -> Session:
        """Get a new session once, where AWS has ended the one that was kept, and say so. Raises Failure, else ``failure``.

        The session is the plan's, or with ``index`` that which this hop is assumed with. ``stale`` are the codes by which
        AWS says that it no longer takes it.
        """
        key = made.target.key if index < 0 else made.key_behind(index)
        if failure.code not in stale or not self.cache.was_kept(key):
            raise failure
        hop = made.hops[index + 1] if index + 1 < len(made.hops) else None
        what = hop.step.role_arn if hop else made.origin
        self.warn(
            f"AWS no longer takes the session of {what} that was kept ({failure.code}); had anew"
        )
        if index < 0:
            return self.obtain(made, again=True)
        return self._session(made, index + 1, again=True)

    def _obtained(self, made: Plan, *, again: bool) -> Session:
        try:
            return self._session(made, 0, again=again)
        except RefusedFailure as failure:
            name = self._looked_up
            if name is None or failure.code != "AccessDenied":
                raise advice.added(failure, made, self) from None
            self.tell(f"{made.hops[0].step.role_arn} was refused; looking the name up again")
            other = self._by_name(name, self.planner.source_chain(), again=True)
            if other.target.key == made.target.key:
                raise advice.added(failure, made, self) from None
            made.target.key, made.target.means = other.target.key, other.target.means
            try:
                return self._session(other, 0, again=again)
            except RefusedFailure as refused:
                raise advice.added(refused, other, self) from None

    def behind(self, made: Plan, index: int) -> Session:
        """Get the session that the hop of this index is assumed with; the origin's own behind the last. Raises Failure."""
        return self._session(made, index + 1)

    def attempt(self, made: Plan, index: int) -> Session:
        """Assume the role of a hop by a call to AWS, whatever the cache holds, and keep nothing. Raises Failure."""
        return self._assumed(made, index, made.hops[index])

    def aws(self, hop: Hop, credentials: Credentials, clock: Clock | None = None) -> sts.Aws:
        """Give AWS as a hop is called. What is not the matter itself takes a clock of its own."""
        return sts.Aws(
            self.config, hop.settings, hop.region, credentials, clock or self.clock, self.tell
        )

    def name_signer(self, aws: sts.Aws, origin: Origin) -> None:
        """Have messages name the origin whose credentials sign the calls."""
        aws.whose = str(origin)
        aws.renewal = complaints.renewal(self.config, origin)

    def _session(self, made: Plan, index: int, *, again: bool = False) -> Session:
        hop = made.hops[index] if index < len(made.hops) else None
        key = hop.key if hop else made.origin_key
        what = hop.step.role_arn if hop else str(made.origin)
        asked = index == 0
        # What a source has just given is newer than what was kept of it.
        again = again or (hop is None and self.sources.was_asked(made.origin))

        def call() -> Session:
            return self._assumed(made, index, hop) if hop else self._loaded(made)

        return self.kept(
            made,
            key,
            what,
            call,
            role_arn=hop.step.role_arn if hop else "",
            again=again or (asked and self.request.refresh),
            minimum=self.request.min_remaining if asked else None,
            # The key was made before it was known whose credentials would come.
            may_keep=lambda: self.moved is None,
        )

    def kept(
        self,
        made: Plan,
        key: str,
        what: str,
        call: Callable[[], Session],
        *,
        role_arn: str,
        again: bool,
        minimum: int | None = None,
        may_keep: Callable[[], bool] = lambda: True,
    ) -> Session:
        """Get the session of a key, which is of a role (``""``: of none), by ``call``, unless it is kept. Raises Failure."""

        def refuse() -> None:
            for hop in made.hops:
                self.codes.refuse_loop(hop.step)

        return self.cache.session(
            key,
            what,
            call,
            role_arn=role_arn,
            again=again,
            minimum=minimum,
            by_code=made.asks_for_code,
            asks=any(self.codes.asks(hop.step) for hop in made.hops),
            alone=bool(self.codes.given),
            may_keep=may_keep,
            refuse=refuse,
        )

    def _loaded(self, made: Plan) -> Session:
        began = time.monotonic()
        credentials, who = self.sources.credentials(made.origin, lambda: self._logs_in(made))
        if who != made.identity:
            self.moved = who
        self.tell(f"{made.origin}: {credentials!r}, {(time.monotonic() - began) * 1000:.0f} ms")
        about = {"source": str(made.origin), "role": made.origin.name or ""}
        return Session(credentials, int(time.time()), about)

    def _logs_in(self, made: Plan) -> bool:
        """Offer the login to a person who can see the question; an SDK that waits for us has no time for it."""
        if not self.may_ask or self.request.format == "process" or not prompt.can_ask():
            return False
        if self.cache.is_crowded:
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

    def _assumed(self, made: Plan, index: int, hop: Hop) -> Session:
        before = self._session(made, index + 1)
        try:
            return self._assumed_with(made, index, hop, before.credentials)
        except SourceFailure as failure:
            # A session that we kept may have been ended since; credentials that were just had are what they are.
            if failure.code not in STALE or not self.cache.was_kept(made.key_behind(index)):
                raise
            self.tell(f"AWS no longer takes the session that was kept ({failure.code}); a new one")
        before = self._session(made, index + 1, again=True)
        return self._assumed_with(made, index, hop, before.credentials)

    def _assumed_with(self, made: Plan, index: int, hop: Hop, before: Credentials) -> Session:
        if before.session_token is not None:
            step = hop.step.chained()
            if step is not hop.step:
                self.tell(
                    f"{step.duration and step.duration.where} is cut to an hour, the most there is here"
                )
            hop = hop._replace(step=step)
        step = hop.step
        aws = self.aws(hop, before)
        if index + 1 < len(made.hops):
            aws.whose = f"the session of {made.hops[index + 1].step.role_arn}"
        else:
            self.name_signer(aws, made.origin)
        credentials = (
            device.Device(self, made, hop, aws).assume_role()
            if step.mfa_serial
            else sts.assume_role(aws, step.parameters)
        )
        about = {
            "role_arn": step.role_arn,
            "source": str(made.origin),
            "region": made.target.region,
            # Its own name: the plan may be for a look-up of another, which need not be there.
            "role": step.profile.name if step.profile else made.target.role,
        }
        return Session(credentials, int(time.time()), about)

    def _by_name(self, name: str, chain: Chain, *, again: bool) -> Plan:
        """Plan for a role of the source's own account by its name, remembered or looked up."""
        arn, remembered = names.find(self, name, chain, again=again or self.request.refresh)
        self._looked_up = name if remembered else None
        return self.planner.for_arn(arn, name, chain)
