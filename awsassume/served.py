"""The environment of what `--serve` starts, and what it was around it."""

from awsassume import environment
from awsassume.environment import CONTAINER_TOKEN, EXPIRATION, KEY, KEYS, REGIONS, SERVED

_ENDPOINT = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
# What speaks louder than the endpoint, or belongs to another; and every bearer token.
_TOUCHED = (
    *KEYS,
    EXPIRATION,
    *environment.RIVALS,
    _ENDPOINT,
    CONTAINER_TOKEN,
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONFIG_FILE",
)


def inside(
    environ: dict[str, str],
    url: str,
    token: str,
    region: str | None,
    config_file: str | None,
    told: str = "",
) -> dict[str, str]:
    """Give the environment of a command that asks an endpoint for its credentials, and knows of no others.

    ``config_file`` is one with the profile SERVE_PROFILE, where that is needed, ``told`` the ``environment.settings`` of the
    role. What is taken away is remembered but for the secrets, so that an awsassume in it does not take the endpoint for the
    user's own credentials. Another endpoint of ours that is around it is none of the user's either.
    """
    past = around(environment.before(environ))
    taken = [*_TOUCHED, *sorted(name for name in past if name.startswith(environment.BEARER))]
    result = {name: value for name, value in past.items() if name not in taken}
    saved = [
        f"{name}={environment.encode(past[name])}"
        for name in taken
        if name in past and not environment.is_secret(name)
    ]
    if "AWS_CONFIG_FILE" in past:
        result["AWS_CONFIG_FILE"] = past["AWS_CONFIG_FILE"]
    if config_file:
        result["AWS_CONFIG_FILE"] = config_file
        result["AWS_PROFILE"] = environment.SERVE_PROFILE
    put = dict.fromkeys(REGIONS, region) if region else {}
    for name, value in environment.settings(told).items():
        if not past.get(name):
            put[name] = value
    for name, value in put.items():
        result[name] = value
        saved.append(f"+{name}={environment.encode(value)}")
        saved += [f"{name}={environment.encode(past[name])}"] if name in past else []
    result[_ENDPOINT] = url
    result[CONTAINER_TOKEN] = token
    result[SERVED] = "&".join([url, environment.encode(result.get("AWS_CONFIG_FILE", "")), *saved])
    return result


def around(environ: dict[str, str]) -> dict[str, str]:
    """Give the environment as it was around --serve, but for what was set anew inside.

    Give it what ``environment.before`` gave.
    """
    past = dict(environ)
    url, _, rest = past.pop(SERVED, "").partition("&")
    if not url or past.get(_ENDPOINT) != url:
        return past
    config_file, *saved = rest.split("&")
    try:
        put = {
            _ENDPOINT: url,
            CONTAINER_TOKEN: past.get(CONTAINER_TOKEN),
            "AWS_CONFIG_FILE": environment.decode(config_file),
            "AWS_PROFILE": environment.SERVE_PROFILE,
        }
        earlier = {
            name: environment.decode(value)
            for name, _, value in (item.partition("=") for item in saved)
        }
    except ValueError:
        return past
    ours = {name[1:]: value for name, value in earlier.items() if name[:1] == "+"}
    put.update(ours)
    for name in (*_TOUCHED, *ours):
        if name in past and past[name] != put.get(name):
            continue
        # A key of its own comes with a session token of its own, or with none.
        if KEY in past and name in (*KEYS, EXPIRATION):
            continue
        environment.replace(past, name, earlier.get(name))
    return past
