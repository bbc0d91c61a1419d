"""Whether a command line starts this program: by its name, by a link to it, or as a module or file of a Python."""

import functools
import os
import re
import shlex

PROGRAM = "awsassume"
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*[dtw]?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
# Options that take the next word: of env, and of a Python.
_OF_ENV = frozenset(("-a", "-C", "-P", "-u", "--argv0", "--chdir", "--unset"))
_OF_PYTHON = "WX"


def starts_us(command: str) -> bool:
    """Tell whether a credential_process starts awsassume, and does not merely have its name among its words."""
    return _is_us(started(command))


@functools.lru_cache(maxsize=1024)
def started(command: str) -> str:
    """Give the word that says what a command line starts: a program, or a Python's script or module; ``""`` for none.

    What stands before a program is passed: ``NAME=value``, env with its options, a Python with its flags.
    """
    try:
        words = _program(shlex.split(command))
    except ValueError:
        return ""
    if not words:
        return ""
    if _PYTHON.fullmatch(_name(words[0])) or _PYTHON.fullmatch(_name(_real(words[0]))):
        return _run_by_python(words[1:])
    return words[0]


def _program(words: list[str]) -> list[str]:
    """Take off what stands before the program. Raises ValueError for a text of ``env -S`` without an end."""
    while words and (_ASSIGNMENT.match(words[0]) or _name(words[0]) == "env"):
        words = _behind_env(words[1:]) if _name(words[0]) == "env" else words[1:]
    return words


def _behind_env(words: list[str]) -> list[str]:
    while words and words[0].startswith("-"):
        option, *words = words
        if option == "--":
            break
        flag, equals, text = option.partition("=")
        short = not option.startswith("--") and "S" in option
        if short or flag == "--split-string":
            text = option.partition("S")[2] if short else text
            if not text and not equals and words:
                text, *words = words
            return [*shlex.split(text), *words]
        cluster = not option.startswith("--") and option[-1:] in "aCPu"
        if not equals and (option in _OF_ENV or (cluster and len(option) > 1)):
            words = words[1:]
    return words


def _run_by_python(words: list[str]) -> str:
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option, *words = words
        if option.startswith("--"):
            words = words[1:] if option == "--check-hash-based-pycs" else words
            continue
        for index, letter in enumerate(option[1:], 2):
            rest = option[index:]
            if letter == "m":
                return (rest or next(iter(words), "")).removesuffix(".__main__")
            if letter == "c":
                return ""
            if letter in _OF_PYTHON:
                words = words if rest else words[1:]
                break
    return words[0] if words else ""


def _is_us(word: str) -> bool:
    return any(
        _name(path) == PROGRAM or path.endswith(f"{PROGRAM}/__main__.py")
        for path in (word, _real(word))
    )


def _real(word: str) -> str:
    # What a bare word means hangs on PATH, which nobody remembers; one that leads to us is caught as a loop.
    return os.path.realpath(word) if "/" in word else word


def _name(path: str) -> str:
    return os.path.basename(path).removesuffix(".exe").removesuffix(".pyz")
