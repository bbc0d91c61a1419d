"""What was asked, as one value."""

# Plain tuples and one class: this module is on the fast way, where dataclasses and typing cost more than the work itself.
_TEXTS = (
    "mode",
    "role",
    "profile",
    "session_name",
    "external_id",
    "mfa_serial",
    "token_code",
    "policy",
    "source_identity",
    "region",
    "format",
    "shell",
    "service",
)
_NUMBERS = ("duration", "min_remaining")
_FLAGS = ("refresh", "no_cache", "show", "chain", "quiet", "verbose", "json", "no_open")
_LISTS = ("command", "policy_arns", "tags", "transitive_tags")

REMEMBERED_MODES = ("export", "exec", "clear", "renew", "init", "version")


class Request:
    """One command line, understood.

    Texts are ``None`` when they were not given, durations are in seconds, lists are tuples of texts, flags are booleans.
    ``mode`` is the verb: ``export`` (whatever the format), ``exec``, ``clear``, ``renew``, ``init`` and the others of the help.
    """

    __slots__ = _TEXTS + _NUMBERS + _FLAGS + _LISTS

    mode: str
    role: str | None
    profile: str | None
    session_name: str | None
    external_id: str | None
    mfa_serial: str | None
    token_code: str | None
    policy: str | None
    source_identity: str | None
    region: str | None
    format: str | None
    shell: str | None
    service: str | None
    duration: int | None
    min_remaining: int | None
    refresh: bool
    no_cache: bool
    show: bool
    chain: bool
    quiet: bool
    verbose: bool
    json: bool
    no_open: bool
    command: tuple[str, ...]
    policy_arns: tuple[str, ...]
    tags: tuple[str, ...]
    transitive_tags: tuple[str, ...]

    def __init__(self, mode: str = "export", **fields: object) -> None:
        for name in _TEXTS + _NUMBERS:
            setattr(self, name, None)
        for name in _FLAGS:
            setattr(self, name, False)
        for name in _LISTS:
            setattr(self, name, ())
        self.mode = mode
        for name, value in fields.items():
            setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        """Tell whether the same was asked."""
        return isinstance(other, Request) and self.pairs() == other.pairs()

    __hash__ = None  # type: ignore[assignment]  # a Request can be changed, so it is no key

    def __repr__(self) -> str:
        """Show what was given; a token code is a secret for half a minute."""
        shown = " ".join(
            f"{name}={value!r}" for name, value in self.pairs() if name != "token_code"
        )
        return f"<Request {shown}>"

    @property
    def may_be_remembered(self) -> bool:
        """Whether the same words mean the same again: not when they ask for something that happens once."""
        return self.mode in REMEMBERED_MODES and not (
            self.refresh or self.no_cache or self.token_code
        )

    def pairs(self) -> list[tuple[str, str]]:
        """Give the fields that were set, as name and text, lists as several pairs of one name."""
        found: list[tuple[str, str]] = []
        for name in _TEXTS + _NUMBERS:
            value = getattr(self, name)
            if value is not None:
                found.append((name, str(value)))
        found.extend((name, "") for name in _FLAGS if getattr(self, name))
        for name in _LISTS:
            found.extend((name, text) for text in getattr(self, name))
        return found

    @classmethod
    def from_pairs(cls, pairs: list[tuple[str, str]]) -> "Request":
        """Make the request again from what ``pairs`` gave. Raises ValueError for anything else."""
        request = cls()
        for name, text in pairs:
            if name in _LISTS:
                setattr(request, name, (*getattr(request, name), text))
            elif name in _NUMBERS:
                setattr(request, name, int(text))
            elif name in _FLAGS:
                setattr(request, name, True)
            elif name in _TEXTS:
                setattr(request, name, text)
            else:
                msg = "a request has no such field"
                raise ValueError(msg)
        if request.mode not in REMEMBERED_MODES:
            msg = "a request of this mode is not remembered"
            raise ValueError(msg)
        return request
