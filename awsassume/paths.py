"""Where files live."""

import os
import sys

NAME = "awsassume"


def cache_directory(environ: dict[str, str]) -> str | None:
    """Give the directory of our cache; ``None`` where there is none.

    It is a folder of our own, below the one that AWSASSUME_CACHE_DIR names, or below the platform's own place for caches.
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
