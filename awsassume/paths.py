"""Where files live."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "awsassume"


def cache_directory(environ: dict[str, str]) -> str | None:
    """Give the directory of our cache; ``None`` where there is none.

    It is a folder of our own, below the one that AWSASSUME_CACHE_DIR names, or below the platform's own place for caches, if
    that is this user's.
    On Linux this is platformdirs' rule (the XDG base directories) without its import, which would cost as much as the whole
    of a hit; a test holds the two together.
    """
    named = environ.get("AWSASSUME_CACHE_DIR")
    if named:
        try:
            return os.path.join(os.path.abspath(named), NAME)
        except OSError:
            # A relative name, and the directory that it starts from is gone.
            return None
    if strange_home(environ):
        return None
    if not sys.platform.startswith("linux") or "ANDROID_DATA" in environ:
        import platformdirs

        try:
            return platformdirs.user_cache_dir(NAME, appauthor=False)
        except RuntimeError:
            return None
    base = environ.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        home = environ.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = os.path.join(home, ".cache")
    return os.path.join(base, NAME)


def strange_home(environ: "Mapping[str, str]") -> str | None:
    """Give HOME or XDG_CACHE_HOME, as NAME=PATH, where it is another user's: under ``sudo -E``, as a rule.

    What the superuser keeps there, its owner can't use or remove. A folder above a XDG_CACHE_HOME that is not there yet may be
    the superuser's, as /var/cache is.
    """
    if not hasattr(os, "geteuid"):
        return None
    user = os.geteuid()
    home, base = environ.get("HOME", ""), environ.get("XDG_CACHE_HOME", "")
    if home.startswith("/") and _owner(home) not in {user, None}:
        return f"HOME={home}"
    if base.startswith("/"):
        owner, above = _owner(base), base
        while owner is None and above != "/":
            above = os.path.dirname(above)
            owner = _owner(above)
        if owner not in ({user} if above == base else {user, 0}):
            return f"XDG_CACHE_HOME={base}"
    return None


def _owner(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except (OSError, ValueError):
        return None
