"""Credentials, or their clearing, as one map from variable to value or ``None``, with a memory of what was there before.

The memory is a variable, AWSASSUME_SAVED: our access key id, a checksum of our session token, the region that we set, and the
earlier value of each variable that we touch. It holds for as long as the shell's key is ours. A variable of SETTINGS that we
set stands there too, behind a ``+``, with our value.
"""

import os

from awsassume import record
from awsassume.credentials import Credentials, timestamp

KEY = "AWS_ACCESS_KEY_ID"
TOKEN = "AWS_SESSION_TOKEN"  # noqa: S105  # the name of a variable
EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"
KEYS = (KEY, "AWS_SECRET_ACCESS_KEY", TOKEN)
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
# What would speak louder than the keys, or of another account, in one SDK or another.
RIVALS = (
    *PROFILES,
    "AWS_SECURITY_TOKEN",
    "AWS_ACCOUNT_ID",
    "AWS_CREDENTIAL_SCOPE",
)
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
ROLE, UNTIL, RENEW, SAVED = OURS = (
    "AWSASSUME_ROLE",
    "AWSASSUME_EXPIRATION",
    "AWSASSUME_RENEW",
    "AWSASSUME_SAVED",
)

# The profile without credentials that --serve names where default has some; and what remembers the environment around it.
SERVE_PROFILE = "awsassume-serve"
SERVED = "AWSASSUME_SERVED"
_ENDPOINT = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_ENDPOINT_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105  # the name of a variable
# What speaks louder than the endpoint, or belongs to another.
_SERVE_TOUCHED = (
    *KEYS,
    EXPIRATION,
    *RIVALS,
    _ENDPOINT,
    _ENDPOINT_TOKEN,
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONFIG_FILE",
)

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
    return name in SETTINGS or name.startswith(OF_SERVICE)


def settings(text: str) -> Changes:
    """Read variables of SETTINGS and their values from ``NAME=value&…``, each value encoded. Raises ValueError."""
    pairs = [item.partition("=") for item in text.split("&") if item]
    return {name: decode(value) for name, _, value in pairs if is_setting(name)}


def _memory(
    environ: dict[str, str],
) -> tuple[str, str, str, dict[str, str], Changes] | None:
    owner, *saved = environ.get(SAVED, "").split("&")
    key, _, rest = owner.partition(":")
    token, _, region = rest.partition(":")
    if not key:
        return None
    earlier = {}
    put: Changes = {}
    try:
        region = decode(region)
        for item in saved:
            if item[:1] == "+":
                put |= settings(item[1:])
                continue
            name, _, value = item.partition("=")
            if name in TOUCHED or is_setting(name):
                earlier[name] = decode(value)
    except ValueError:
        return None
    return key, token, region, earlier, put


def is_ours(environ: dict[str, str]) -> bool:
    """Tell whether the credentials in this environment are those that we put there."""
    memory = _memory(environ)
    return memory is not None and environ.get(KEY) == memory[0]


def before(environ: dict[str, str], *, renewing: bool = False) -> dict[str, str]:
    """Give the environment as if cleared: what it was before awsassume first touched it.

    Our variables are gone. If the shell's key is no longer ours, somebody exported another, or unset it as AWS's article
    does: the memory is stale, and only what we left behind goes too (an expiration and a session token that belong to our
    key, and a region that is still the one that we set). A profile comes back where the key was unset.

    Beside keys that are ours, a profile or a region that differs from what we left is the user's, set since, and holds;
    but not for ``renewing``, which is to give what was taken before that, from the same source.
    """
    past = {name: value for name, value in environ.items() if name not in OURS}
    memory = _memory(environ)
    if memory is None:
        return past
    key, token, region, earlier, put = memory
    everything = renewing and environ.get(KEY) == key
    for name in [name for name in put if everything or environ.get(name) == put[name]]:
        _replace(past, name, earlier.get(name))
    earlier = {name: value for name, value in earlier.items() if name not in put}
    if environ.get(KEY) == key:
        for name in TOUCHED:
            past.pop(name, None)
        past.update(earlier)
        for name in () if renewing else (*PROFILES, *REGIONS):
            left = (region or earlier.get(name)) if name in REGIONS else None
            if environ.get(name) != left:
                _replace(past, name, environ.get(name))
        return past
    if TOKEN in past and record.checksum(os.fsencode(past[TOKEN])) == token:
        del past[TOKEN]
    until = environ.get(UNTIL, "")
    if until.isdecimal() and past.get(EXPIRATION) == timestamp(int(until[:12])):
        del past[EXPIRATION]
    for name in REGIONS:
        if region and past.get(name) == region:
            # Left there, it would be taken for the user's own by the next assume, for good.
            del past[name]
            if name in earlier:
                past[name] = earlier[name]
    if KEY not in environ:
        # Unset, and nothing put in its place: who the user was by profile holds again.
        past.update(
            {name: earlier[name] for name in PROFILES if name in earlier and name not in past}
        )
    return past


def served(
    environ: dict[str, str],
    url: str,
    token: str,
    region: str | None,
    config_file: str | None,
    told: str = "",
) -> dict[str, str]:
    """Give the environment of a command that asks an endpoint for its credentials, and knows of no others.

    ``config_file`` is one with the profile SERVE_PROFILE, where that is needed. What is taken away is remembered, so that
    an awsassume in it does not take the endpoint for the user's own credentials.
    """
    past = before(environ)
    result = {name: value for name, value in past.items() if name not in _SERVE_TOUCHED}
    saved = [f"{name}={encode(past[name])}" for name in _SERVE_TOUCHED if name in past]
    if "AWS_CONFIG_FILE" in past:
        result["AWS_CONFIG_FILE"] = past["AWS_CONFIG_FILE"]
    if config_file:
        result["AWS_CONFIG_FILE"] = config_file
        result["AWS_PROFILE"] = SERVE_PROFILE
    if region:
        result.update(dict.fromkeys(REGIONS, region))
    for name, value in settings(told).items():
        if not past.get(name):
            result[name] = value or ""
            saved.append(f"+{name}={encode(value or '')}")
            saved += [f"{name}={encode(past[name])}"] if name in past else []
    result[_ENDPOINT] = url
    result[_ENDPOINT_TOKEN] = token
    result[SERVED] = "&".join([url, encode(result.get("AWS_CONFIG_FILE", "")), *saved])
    return result


def before_serve(environ: dict[str, str]) -> dict[str, str]:
    """Give the environment as it was around --serve, but for what was set anew inside. Give it what ``before`` gave."""
    past = dict(environ)
    url, _, rest = past.pop(SERVED, "").partition("&")
    if not url or past.get(_ENDPOINT) != url:
        return past
    config_file, *saved = rest.split("&")
    try:
        put = {
            _ENDPOINT: url,
            _ENDPOINT_TOKEN: past.get(_ENDPOINT_TOKEN),
            "AWS_CONFIG_FILE": decode(config_file),
            "AWS_PROFILE": SERVE_PROFILE,
        }
        earlier = {
            name: decode(value) for name, _, value in (item.partition("=") for item in saved)
        }
    except ValueError:
        return past
    ours = {name[1:]: value for name, value in earlier.items() if name[:1] == "+"}
    put.update(ours)
    for name in (*_SERVE_TOUCHED, *ours):
        if name in past and past[name] != put.get(name):
            continue
        # A key of its own comes with a session token of its own, or with none.
        if KEY in past and name in (*KEYS, EXPIRATION):
            continue
        past.pop(name, None)
        if name in earlier:
            past[name] = earlier[name]
    return past


def assumed(
    credentials: Credentials,
    role: str,
    region: str | None,
    renew: str,
    environ: dict[str, str],
    told: str = "",
) -> Changes:
    """Say what to set and unset so that this environment is the role.

    ``role`` is the name that prompts show, ``region`` the one that was named or ``None``, ``renew`` the words for ``--renew``,
    and ``told`` the ``settings`` of its profile; the shell's own are before them.
    """
    past = before(environ)
    wanted: Changes = dict.fromkeys(TOUCHED)
    wanted[KEY] = credentials.access_key_id
    wanted["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key
    wanted[TOKEN] = credentials.session_token
    until = credentials.expiration
    wanted[EXPIRATION] = None if until is None else timestamp(until)
    for name in REGIONS:
        wanted[name] = region or past.get(name)
    changes: Changes = {}
    for name, value in wanted.items():
        if value is None:
            if name in environ:
                changes[name] = None
        elif name not in REGIONS or region or environ.get(name) != value:
            changes[name] = value
    put = settings(told)
    for name in {**_put(environ), **put}:
        value = past.get(name) or put.get(name, past.get(name))
        if environ.get(name) != value:
            changes[name] = value
    changes[ROLE] = role
    if until is not None:
        changes[UNTIL] = str(until)
    elif UNTIL in environ:
        changes[UNTIL] = None
    changes[RENEW] = renew
    token = record.checksum(os.fsencode(credentials.session_token or ""))
    saved = [f"{name}={encode(past[name])}" for name in (*TOUCHED, *put) if name in past]
    saved += [f"+{name}={encode(value or '')}" for name, value in put.items() if not past.get(name)]
    changes[SAVED] = "&".join(
        [f"{credentials.access_key_id}:{token}:{encode(region or '')}", *saved]
    )
    return changes


def cleared(environ: dict[str, str]) -> Changes:
    """Say what to set and unset so that this environment is what it was before the first assume.

    The three keys are always in the answer, whoever set them.
    """
    past = before(environ)
    if not is_ours(environ):
        for name in (*KEYS, EXPIRATION, "AWS_SECURITY_TOKEN"):
            past.pop(name, None)
    changes: Changes = {}
    for name in TOUCHED:
        if name in KEYS or environ.get(name) != past.get(name):
            changes[name] = past.get(name)
    for name in _put(environ):
        if environ.get(name) != past.get(name):
            changes[name] = past.get(name)
    for name in OURS:
        if name in environ:
            changes[name] = None
    return changes


def _put(environ: dict[str, str]) -> Changes:
    memory = _memory(environ)
    return memory[4] if memory else {}


def _replace(environ: dict[str, str], name: str, value: str | None) -> None:
    environ.pop(name, None)
    if value is not None:
        environ[name] = value


def applied(environ: dict[str, str], changes: Changes) -> dict[str, str]:
    """Give the environment with the changes made."""
    result = dict(environ)
    for name, value in changes.items():
        _replace(result, name, value)
    return result
