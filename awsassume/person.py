"""What a person reads on a terminal. Whatever comes from a file, a server or an environment goes through here first.

A control character moves the cursor or talks to the terminal, and a format character (U+202E) turns round what is read; none
of either gets through. Line ends are ours alone: a text of several lines is said to be one.
"""

import os


def plain(text: str, instead: str = "?") -> str:
    """Give a text as one line in which each character is seen for what it is; what can't be is ``instead``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else instead for char in text)


def lines(text: str, instead: str = "?") -> str:
    """Give a text of several lines, each of them ``plain``. For texts whose line ends we made."""
    return "\n".join(plain(line, instead) for line in text.split("\n"))


def tell(descriptor: int, text: str) -> None:
    """Write lines that a person reads: UTF-8 whatever the locale. Raises OSError."""
    rest = memoryview(lines(text).encode("utf-8", "replace"))
    while rest:
        rest = rest[os.write(descriptor, rest) :]
