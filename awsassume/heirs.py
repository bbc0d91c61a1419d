"""The processes that an environment was handed on to: a command's children, and theirs, however far away they have gone."""

import os


def are_there(word: str) -> bool:
    """Tell whether a process of this user was started with this word in its environment; false where no /proc tells.

    Those that another user's account runs (sudo) don't count: their environment is not for us to read. One that was started
    while we looked may be missed, so that a single "no" is not to be relied on.
    """
    wanted = os.fsencode(word)
    try:
        names = os.listdir("/proc")
    except OSError:
        return False
    own = str(os.getpid())
    for name in names:
        if not name.isdecimal() or name == own:
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    return True
        except OSError:
            # It has ended, or is another user's.
            continue
    return False
