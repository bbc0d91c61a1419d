"""Commands as a person can paste them. Whoever shows one spells it here."""

import os
import re
import shlex

from awsassume import shells

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# A word that no shell takes for more than it says; zsh looks for a program behind a leading =.
_BARE = re.compile(r"(?!=)[\w@%+=:,./-]+", re.ASCII)


def command(words: "Iterable[str]") -> str:
    """Spell a command: each word is one word to the shell, whatever is in it."""
    return " ".join(map(_pasted, words))


def trial(line: str | None) -> str | None:
    """Give the hint to try a command of the config, which is split as shlex does and run without a shell."""
    try:
        found = command(shlex.split(line or ""))
    except ValueError:
        return None
    return f"try it: {found}" if found else None


def _pasted(word: str) -> str:
    if _BARE.fullmatch(word):
        return word
    if word.isprintable() and "!" not in word:
        return shells.posix(word)
    # A line end would be pasted as one, what can't be seen is no part of advice, and ! is history between double quotes.
    # fish, which knows no such quotes, runs nothing.
    return "$'" + "".join(map(_escaped, word)) + "'"


def _escaped(char: str) -> str:
    if char.isprintable() and char not in "!'\\":
        return char
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(char))
