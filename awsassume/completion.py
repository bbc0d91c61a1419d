"""What Tab offers: options, their values, profiles, role names seen before, ARNs of live sessions.

A Tab waits for a whole process, so the names are kept in the cache and read again only when a file that they came from has
changed, and the options are a table made from Typer's own command.
"""

import os
import time

from awsassume import folders, paths, private, recall, record, sessions, shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KEPT = "completion"
# The names of ten thousand profiles and more.
MOST_BYTES = 1 << 22
MOST_SESSIONS = 500
FILES = "\tfiles"
"""The answer that stands for any file: the shell knows best how to complete those."""

# With these no ROLE goes.
_ALONE = frozenset(
    ("--clear", "--renew", "--init", "--version", "--help", "-h", "--list", "--login")
)


def answer(argv: list[str], environ: "Mapping[str, str]") -> list[str]:
    """Give what the last word may become, one candidate a line; behind a tab what it is, where that needs saying.

    ``argv`` is ``SHELL -- WORDS``: the words behind the program's name up to the cursor, unquoted, the last one perhaps
    empty. ``environ`` is the environment as if cleared. Never raises for a file that is missing or bad.
    """
    words = argv[argv.index("--") + 1 :] if "--" in argv else argv[1:]
    *before, word = words or [""]
    if "--" in before:
        return []
    options, roles, pending = _read(before)
    if pending:
        return _values(pending, word, environ)
    name, equals, value = word.partition("=")
    if word.startswith("--") and equals:
        return [
            line if line == FILES else f"{name}={line}" for line in _values(name, value, environ)
        ]
    if word.startswith("-"):
        return _options(word, options)
    if roles or not _ALONE.isdisjoint(options):
        return [] if word else _options("--", options)
    return _roles(word, environ)


def _read(words: list[str]) -> tuple[set[str], int, str]:
    """Tell which options the words hold, how many roles, and which option still waits for its value."""
    options: set[str] = set()
    roles = 0
    pending = ""
    for word in words:
        if pending:
            pending = ""
        elif word.startswith("-") and word != "-":
            from awsassume.options import OPTIONS

            name, equals, _ = word.partition("=")
            options.add(name)
            if not equals and OPTIONS.get(name, (None, ""))[0] is not None:
                pending = name
        else:
            roles += 1
    return options, roles, pending


def _options(word: str, given: set[str]) -> list[str]:
    from awsassume.options import OPTIONS, REPEATED

    found = [
        f"{name}\t{says}"
        for name, (_, says) in OPTIONS.items()
        if name.startswith(word)
        and (name in REPEATED or name not in given)
        and (name.startswith("--") or word != "--")
    ]
    return [*found, "--\tRun a command as the role."] if word == "--" else found


def _values(option: str, word: str, environ: "Mapping[str, str]") -> list[str]:
    from awsassume.options import OPTIONS

    kind = OPTIONS.get(option, (None, ""))[0]
    if kind == "profile":
        return list(_matching(word, _names(environ)["profile"]))
    if kind == "file":
        return [FILES]
    return [] if isinstance(kind, str) or kind is None else list(_matching(word, kind))


def _roles(word: str, environ: "Mapping[str, str]") -> list[str]:
    names = _names(environ)
    found = list(_matching(word, dict.fromkeys([*names["profile"], *names["role"]])))
    if word and "arn:".startswith(word[:4]):
        now = time.time()
        for item in names["arn"]:
            until, _, arn = item.partition(" ")
            if arn.startswith(word) and int(until) > now:
                found.append(f"{arn}\t{(int(until) - int(now)) // 60} minutes left")
    return found


def _matching(word: str, names: "Iterable[str]") -> "Iterator[str]":
    """Give the names that begin with the word; where none does, those that hold it in any case of letters."""
    names = list(names)
    found = [name for name in names if name.startswith(word)]
    if not found:
        word = word.lower()
        found = [name for name in names if word in name.lower()]
    return iter(found)


def _names(environ: "Mapping[str, str]") -> dict[str, list[str]]:
    """Give the profiles, the roles seen, and the live sessions' ARNs each behind its expiration and a blank."""
    files = _config_files(environ)
    cache = paths.cache_directory(dict(environ))
    places = [*files, *(f"{cache}/{folder}" for folder in ("sessions", "names") if cache)]
    state = "\n".join(f"{path} {recall.state(path)}" for path in places)
    kept = _kept(cache, state) if cache else None
    if kept is None:
        kept = {"profile": _profiles(*files), "role": [], "arn": []}
        if cache:
            kept["role"], kept["arn"] = _sessions(cache)
            _keep(cache, state, kept)
    return kept


def _kept(cache: str, state: str) -> dict[str, list[str]] | None:
    try:
        pairs = record.load(private.read(cache, recall.FOLDER, KEPT, MOST_BYTES) or b"")
    except (OSError, private.UntrustedError):
        return None
    if not pairs or pairs[0] != ("state", state):
        return None
    kept = {name: text.split("\n") if text else [] for name, text in pairs[1:]}
    return kept if {"profile", "role", "arn"} <= kept.keys() else None


def _keep(cache: str, state: str, names: dict[str, list[str]]) -> None:
    try:
        pairs = [("state", state), *((kind, "\n".join(found)) for kind, found in names.items())]
        folders.write(cache, recall.FOLDER, KEPT, record.dump(pairs))
    except (OSError, ValueError, private.UntrustedError):
        return


def _config_files(environ: "Mapping[str, str]") -> tuple[str, str]:
    home = environ.get("HOME") or "~"
    found = []
    for variable, usual in (
        ("AWS_CONFIG_FILE", "~/.aws/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ):
        path = environ.get(variable) or usual
        found.append(home + path[1:] if path.startswith("~/") else path)
    return found[0], found[1]


def _profiles(config: str, credentials: str) -> list[str]:
    """Read the names of the profiles as botocore does, and nothing else of the files."""
    names = [name for header in _headers(config) if (name := _profile(header))]
    names += _headers(credentials)
    return [name for name in dict.fromkeys(names) if name.isprintable()]


def _headers(path: str) -> "Iterator[str]":
    if not os.path.isfile(path):
        # Whoever opens a pipe waits for a writer.
        return
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("["):
                    header, bracket, _ = line[1:].rpartition("]")
                    if bracket:
                        yield header
    except OSError:
        return


def _profile(header: str) -> str | None:
    if header == "default":
        return header
    kind, _, name = header.partition(" ")
    if kind != "profile":
        return None
    name = name.strip()
    if any(character in name for character in "\\'\" \t"):
        import shlex

        try:
            words = shlex.split(name)
        except ValueError:
            return None
        return words[0] if len(words) == 1 else None
    return name


def _sessions(cache: str) -> tuple[list[str], list[str]]:
    """Give the names of the roles that were ever looked up or held, and what is live now."""
    roles: set[str] = set()
    live: dict[str, int] = {}
    for count, (_, session) in enumerate(sessions.live(cache)):
        if count >= MOST_SESSIONS:
            break
        arn = session.about.get("role_arn", "")
        if arn.isprintable() and arn and session.credentials.expiration:
            roles.add(arn)
            live[arn] = max(session.credentials.expiration, live.get(arn, 0))
    found = [
        fields.get("role_arn", "") for _, fields in shelf.records(cache, "names", MOST_SESSIONS)
    ]
    roles.update(arn for arn in found if arn and arn.isprintable())
    names = sorted({arn.rpartition("/")[2] for arn in roles})
    return names, [f"{until} {arn}" for arn, until in sorted(live.items())]
