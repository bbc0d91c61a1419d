"""What an environment should be after any steps: the rules of README and of the issue, without a word of the program's."""

from __future__ import annotations

from dataclasses import dataclass, field

KEY, SECRET, TOKEN = KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
RIVALS = ("AWS_PROFILE", "AWS_ACCOUNT_ID", "AWS_BEARER_TOKEN_BEDROCK")
TRACKED = (*KEYS, EXPIRATION, *REGIONS, *RIVALS, "AWSASSUME_ROLE")

Environ = dict[str, str]


def only(environ: Environ, names: tuple[str, ...]) -> Environ:
    """Return a part of an environment."""
    return {name: environ[name] for name in names if name in environ}


@dataclass
class Held:
    """What is known of a role that a shell took.

    `base` is what the shell was before, `left` what it was just after, `role`, `user` and `region` how it was taken, and
    `beneath` the rivals that were away when the keys in `base` were exported.
    """

    base: Environ
    left: Environ
    role: str = ""
    user: str = ""
    region: str | None = None
    beneath: Environ = field(default_factory=dict)


class Shell:
    """A shell that steps are done in; `environ` is what it should hold of the tracked variables."""

    def __init__(self, users: dict[str, tuple[str, str]], environ: Environ) -> None:
        """Begin; `users` names the keys of each user, of whom bob is the default profile's."""
        self.users = users
        self.environ = dict(environ)
        self.held: Held | None = None

    @property
    def holds(self) -> bool:
        """Whether the keys are a role's that was taken here."""
        held = self.held
        return bool(held and held.left.get(KEY) and self.environ.get(KEY) == held.left[KEY])

    def own(self, seen: Environ | None = None) -> Environ:
        """Return the environment as it would be if no role had ever been taken: the user's."""
        environ = self.environ if seen is None else seen
        held = self.held
        result = {name: text for name, text in environ.items() if name != "AWSASSUME_ROLE"}
        if held is None:
            return result
        alive = bool(held.left.get(KEY)) and environ.get(KEY) == held.left[KEY]
        if alive:
            for name in (*KEYS, EXPIRATION):
                put(result, name, held.base.get(name))
        else:
            for name in (TOKEN, EXPIRATION):
                if name in result and result[name] == held.left.get(name):
                    del result[name]
        untouched = [
            name for name in (*REGIONS, *RIVALS) if environ.get(name) == held.left.get(name)
        ]
        for name in untouched:
            if alive or name in REGIONS:
                put(result, name, held.base.get(name))
            elif KEY not in environ:
                put(result, name, held.base.get(name, held.beneath.get(name)))
        return result

    def source(self, own: Environ) -> str:
        """Name the user whom an SDK would be in the user's environment."""
        if KEY in own:
            return next(name for name, keys in self.users.items() if keys[0] == own[KEY])
        return own.get("AWS_PROFILE", "bob")

    def assume(self, role: str, region: str | None, prefix: Environ) -> str:
        """Take a role; return the name of the user with whose keys. Its keys are for `adopt`."""
        seen = self.own({**self.environ, **prefix})
        user = self.source(seen)
        base, held = self.own(), self.held
        if self.holds and held:
            beneath = held.beneath
        elif held:
            away = {**held.beneath, **only(held.base, RIVALS)}
            beneath = {name: text for name, text in away.items() if name not in self.environ}
        else:
            beneath = {}
        self.held = Held(base, {}, role, user, region, beneath)
        self._take(seen, set())
        return user

    def renew(self) -> str:
        """Take again what is held; return the user with whose keys. What was set since stays."""
        held = self.held
        assert held
        since = {
            name for name in (*REGIONS, *RIVALS) if self.environ.get(name) != held.left.get(name)
        }
        self._take(held.base, since)
        return self.source(held.base)

    def _take(self, around: Environ, since: set[str]) -> None:
        held = self.held
        assert held
        named = {around[name] for name in REGIONS if name in around}
        region = held.region or (named.pop() if len(named) == 1 else None)
        left = {"AWSASSUME_ROLE": held.role}
        for name in REGIONS:
            put(left, name, region or held.base.get(name))
        environ = dict(left)
        for name in since:
            put(environ, name, self.environ.get(name))
            put(left, name, held.left.get(name))
        self.environ, held.left = environ, left

    def adopt(self, seen: Environ) -> None:
        """Learn the keys that a role came with."""
        assert self.held
        for name in (*KEYS, EXPIRATION):
            self.environ[name] = self.held.left[name] = seen[name]

    def clear(self) -> None:
        """Give back what there was; keys go, whoever set them."""
        held = self.held
        if held is None or not self.holds:
            for name in (*KEYS, EXPIRATION):
                self.environ.pop(name, None)
            self.environ, self.held = self.own(), None
            return
        self.environ = self.own()
        self.held = Held(held.beneath, {}) if held.beneath and KEY in self.environ else None

    def export(self, name: str, text: str | None) -> None:
        """Set a variable as the user does, or unset it."""
        put(self.environ, name, text)


def put(environ: Environ, name: str, text: str | None) -> None:
    """Set a variable, or take it away."""
    environ.pop(name, None)
    if text is not None:
        environ[name] = text
