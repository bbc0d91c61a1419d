"""Credentials, or their clearing, as one map from variable to value or ``None``, with a memory of what was there before.

The memory is a variable, AWSASSUME_SAVED: our access key id, a checksum of our session token, and behind them, each with its
value, what the touched variables held before (``NAME=``), what was set in place of it where that is not plain (``+NAME=``), and
what was beneath keys that somebody exported over ours (``-NAME=``). It holds for as long as the shell's key is ours; what it
says of profiles, and of what else speaks louder than keys, holds beyond that.
"""

import os

from awsassume import record
from awsassume.credentials import Credentials, timestamp

KEY = "AWS_ACCESS_KEY_ID"
SECRET = "AWS_SECRET_ACCESS_KEY"  # noqa: S105  # the name of a variable
TOKEN = "AWS_SESSION_TOKEN"  # noqa: S105  # the same
LEGACY_TOKEN = "AWS_SECURITY_TOKEN"  # noqa: S105  # the same
EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"
KEYS = (KEY, SECRET, TOKEN)
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
# What would speak louder than the keys, or of another account, in one SDK or another; and every variable of BEARER.
RIVALS = (
    *PROFILES,
    LEGACY_TOKEN,
    "AWS_ACCOUNT_ID",
    "AWS_CREDENTIAL_SCOPE",
)
BEARER = "AWS_BEARER_TOKEN_"
TOUCHED = (*KEYS, EXPIRATION, *REGIONS, *RIVALS)
# What a profile says of endpoints, by the variables that SDKs read. Only those that a profile gives a value are touched.
SETTINGS = (
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_CA_BUNDLE",
    "AWS_STS_REGIONAL_ENDPOINTS",
)
OF_SERVICE = "AWS_ENDPOINT_URL_"
CONTAINER_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105  # the name of a variable
ROLE, UNTIL, RENEW, SAVED = OURS = (
    "AWSASSUME_ROLE",
    "AWSASSUME_EXPIRATION",
    "AWSASSUME_RENEW",
    "AWSASSUME_SAVED",
)

# The profile without credentials that --serve names where default has some; and what remembers the environment around it.
SERVE_PROFILE = "awsassume-serve"
SERVED = "AWSASSUME_SERVED"

# Linux starts no program with more in one variable, its name and the end of it included.
MOST_BYTES = 128 * 1024
# The memory says by it that secrets were left out.
_WITHHELD = "!"
# In place of a key: what the memory says of keys is not of this shell's.
_NO_KEY = "-"

Changes = dict[str, str | None]

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+.-_:@,=")


def encode(text: str) -> str:
    """Write a text with only letters, digits and ``/+.-_:@,=%``, so that it is one word in every shell."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(text))


def decode(text: str) -> str:
    """Read what ``encode`` wrote. Raises ValueError for anything else."""
    first, *others = text.split("%")
    read = bytearray(first.encode("ascii"))
    for other in others:
        read += bytes.fromhex(other[:2]) + other[2:].encode("ascii")
    if 0 in read:
        msg = "no variable and no argument can hold a NUL"
        raise ValueError(msg)
    return os.fsdecode(bytes(read))


def is_setting(name: str) -> bool:
    """Tell whether a variable is one of SETTINGS, or one service's endpoint."""
    return name in SETTINGS or (name.startswith(OF_SERVICE) and _is_name(name))


def is_rival(name: str) -> bool:
    """Tell whether a variable is one of RIVALS, or a bearer token, which SDKs take before keys."""
    return name in RIVALS or (name.startswith(BEARER) and _is_name(name))


def is_secret(name: str) -> bool:
    """Tell whether what a variable holds is a secret."""
    return name in {SECRET, TOKEN, LEGACY_TOKEN, CONTAINER_TOKEN} or name.startswith(BEARER)


def _is_key(name: str) -> bool:
    return name in KEYS or name == EXPIRATION


def _is_name(name: str) -> bool:
    # It is written for a shell as it stands.
    return name.isascii() and name.isidentifier()


def settings(text: str) -> dict[str, str]:
    """Read variables of SETTINGS and their values from ``NAME=value&…``, each value encoded. Raises ValueError."""
    pairs = [item.partition("=") for item in text.split("&") if item]
    return {name: decode(value) for name, _, value in pairs if is_setting(name)}


class Memory:
    """What is known of a shell that holds, or held, a role of ours.

    ``key`` is our access key id and ``token`` a checksum of our session token, ``earlier`` what each variable held before,
    ``put`` what we set in place of it, and ``beneath`` the rivals that were put away before somebody exported the keys in
    ``earlier``. ``withheld`` tells that the secrets among them were left out.
    """

    __slots__ = ("beneath", "earlier", "key", "put", "token", "withheld")

    def __init__(self, key: str, token: str) -> None:
        self.key = key
        self.token = token
        self.earlier: dict[str, str] = {}
        self.put: dict[str, str] = {}
        self.beneath: dict[str, str] = {}
        self.withheld = False

    def left(self, name: str) -> str | None:
        """Give what we left a variable with, which is none of the keys."""
        return self.put.get(name, None if is_rival(name) else self.earlier.get(name))

    @property
    def names(self) -> list[str]:
        """The variables that we touched, in an order that never changes."""
        found = {*self.earlier, *self.put, *self.beneath}
        return [*TOUCHED, *sorted(found.difference(TOUCHED))]

    def note(self, name: str, earlier: str | None, value: str | None) -> None:
        """Note what a variable held, and what it holds now."""
        if earlier is not None:
            self.earlier[name] = earlier
        if value is not None and value != earlier and not _is_key(name):
            self.put[name] = value

    def copy(self, name: str, other: "Memory") -> None:
        """Take over what another memory knows of a variable."""
        for values, known in ((self.earlier, other.earlier), (self.put, other.put)):
            if name in known:
                values[name] = known[name]

    def written(self, *, secrets: bool) -> str:
        """Write it as ``remembered`` reads it, the secrets left out where they are not wanted."""
        items = [f"{self.key}:{self.token}"]
        withheld = self.withheld
        for mark, values in (("", self.earlier), ("+", self.put), ("-", self.beneath)):
            for name in self.names:
                if name not in values:
                    continue
                if is_secret(name) and not secrets:
                    withheld = True
                    continue
                items.append(f"{mark}{name}={encode(values[name])}")
        return "&".join([*items, _WITHHELD] if withheld else items)


def remembered(environ: dict[str, str]) -> Memory | None:
    """Read the memory of an environment; ``None`` where there is none, or what stands there is not ours."""
    owner, *items = environ.get(SAVED, "").split("&")
    key, _, token = owner.partition(":")
    if not key:
        return None
    memory = Memory(key, token)
    for item in items:
        mark = item[:1]
        if mark == _WITHHELD:
            memory.withheld = True
            continue
        values = {"+": memory.put, "-": memory.beneath}.get(mark)
        name, _, value = (item if values is None else item[1:]).partition("=")
        if name in TOUCHED or is_setting(name) or is_rival(name):
            try:
                (memory.earlier if values is None else values)[name] = decode(value)
            except ValueError:
                return None
    return memory


def is_ours(environ: dict[str, str]) -> bool:
    """Tell whether the credentials in this environment are those that we put there."""
    memory = remembered(environ)
    return memory is not None and environ.get(KEY) == memory.key


def is_withheld(environ: dict[str, str]) -> bool:
    """Tell whether the keys of before are not here to be had: a command was started as the role, and given no others."""
    memory = remembered(environ)
    return memory is not None and environ.get(KEY) == memory.key and memory.withheld


def before(environ: dict[str, str], *, renewing: bool = False) -> dict[str, str]:
    """Give the environment as if cleared: what it was before awsassume first touched it.

    Our variables are gone. If the shell's key is no longer ours, somebody exported another, or unset it as AWS's article
    does: the memory of keys is stale, and only what we left behind goes too (an expiration and a session token that belong
    to our key, and what is still as we set it). Profiles and other rivals come back where no key is set.

    Any variable beside the keys that differs from what we left is the user's, set since, and holds; but not for ``renewing``,
    which is to give what was taken before that, from the same source.
    """
    past = {name: value for name, value in environ.items() if name not in OURS}
    memory = remembered(environ)
    if memory is None:
        return past
    ours = environ.get(KEY) == memory.key
    if ours:
        for name in (*KEYS, EXPIRATION):
            replace(past, name, memory.earlier.get(name))
    else:
        if TOKEN in past and record.checksum(os.fsencode(past[TOKEN])) == memory.token:
            del past[TOKEN]
        until = environ.get(UNTIL, "")
        if until.isdecimal() and past.get(EXPIRATION) == timestamp(int(until[:12])):
            del past[EXPIRATION]
    for name in memory.names:
        if _is_key(name):
            continue
        if not (ours and renewing) and environ.get(name) != memory.left(name):
            continue
        if ours or not is_rival(name):
            replace(past, name, memory.earlier.get(name))
    if not ours and not environ.get(KEY):
        # Unset, and nothing put in its place: who the user was by profile holds again.
        past.update(_put_away(memory, environ))
    return past


def _put_away(memory: Memory, environ: dict[str, str]) -> dict[str, str]:
    """Give the rivals that come back once no key is in their way."""
    away = {**memory.beneath, **memory.earlier}
    return {name: away[name] for name in away if is_rival(name) and name not in environ}


def assumed(
    credentials: Credentials,
    role: str,
    region: str | None,
    renew: str,
    environ: dict[str, str],
    told: str = "",
    *,
    renewing: bool = False,
    secrets: bool = True,
) -> Changes:
    """Say what to set and unset so that this environment is the role.

    ``role`` is the name that prompts show, ``region`` the one that was named or ``None``, ``renew`` the words for ``--renew``,
    and ``told`` the ``settings`` of its profile; the shell's own are before them. ``renewing`` leaves alone what the user set
    since; without ``secrets``, no secret of before is remembered.
    """
    old = remembered(environ)
    ours = old is not None and environ.get(KEY) == old.key
    past = before(environ)
    memory = Memory(
        credentials.access_key_id, record.checksum(os.fsencode(credentials.session_token or ""))
    )
    if old:
        memory.beneath = old.beneath if ours else _put_away(old, environ)
        memory.withheld = ours and old.withheld
    wanted = _wanted(credentials, region, past, settings(told))
    for name in old.put if old else ():
        if is_setting(name):
            wanted.setdefault(name, past.get(name))
    for name in sorted({*environ, *past}):
        if name.startswith(BEARER) and is_rival(name):
            wanted[name] = None
    changes: Changes = {}
    for name, value in wanted.items():
        if old and ours and renewing and not _is_key(name) and environ.get(name) != old.left(name):
            # Set since, by the user; and what was there before that is still what the source is found by.
            memory.copy(name, old)
            continue
        if _is_key(name) or environ.get(name) != value or (region and name in REGIONS):
            changes[name] = value
        memory.note(name, past.get(name), value)
    changes = {
        name: value for name, value in changes.items() if value is not None or name in environ
    }
    # Prompts show it as it is.
    changes[ROLE] = "".join([char for char in role if char.isprintable()])
    until = credentials.expiration
    if until is not None:
        changes[UNTIL] = str(until)
    elif UNTIL in environ:
        changes[UNTIL] = None
    changes[RENEW] = renew
    changes[SAVED] = memory.written(secrets=secrets)
    return changes


def _wanted(
    credentials: Credentials, region: str | None, past: dict[str, str], given: dict[str, str]
) -> Changes:
    """Say what a role's environment holds of every variable that we touch; the shell's own settings are before a profile's."""
    until = credentials.expiration
    wanted: Changes = dict.fromkeys(TOUCHED)
    wanted[KEY] = credentials.access_key_id
    wanted[SECRET] = credentials.secret_access_key
    wanted[TOKEN] = credentials.session_token
    wanted[EXPIRATION] = None if until is None else timestamp(until)
    for name in REGIONS:
        wanted[name] = region or past.get(name)
    for name, value in given.items():
        wanted[name] = past.get(name) or value
    return wanted


def cleared(environ: dict[str, str]) -> Changes:
    """Say what to set and unset so that this environment is what it was before the first assume.

    The three keys are always in the answer, whoever set them. Keys that come back may have something beneath them, which the
    next clearing finds.
    """
    memory = remembered(environ)
    ours = is_ours(environ)
    shown = environ
    if not ours:
        shown = {
            name: value
            for name, value in environ.items()
            if name not in {*KEYS, EXPIRATION, LEGACY_TOKEN}
        }
    past = before(shown)
    changes: Changes = {}
    for name in memory.names if memory else TOUCHED:
        if name in KEYS or environ.get(name) != past.get(name):
            changes[name] = past.get(name)
    for name in OURS:
        if name in environ:
            changes[name] = None
    if memory and ours and memory.beneath and past.get(KEY):
        rest = Memory(_NO_KEY, "")
        rest.earlier = memory.beneath
        changes[SAVED] = rest.written(secrets=True)
    return changes


def replace(environ: dict[str, str], name: str, value: str | None) -> None:
    """Set a variable in an environment, or take it away."""
    environ.pop(name, None)
    if value is not None:
        environ[name] = value


def applied(environ: dict[str, str], changes: Changes) -> dict[str, str]:
    """Give the environment with the changes made."""
    result = dict(environ)
    for name, value in changes.items():
        replace(result, name, value)
    return result


def too_long(environ: Changes) -> str | None:
    """Name a variable that no program could be started with; ``None`` where there is none."""
    for name, value in environ.items():
        if value is not None and len(os.fsencode(value)) + len(name) + 2 > MOST_BYTES:
            return name
    return None
