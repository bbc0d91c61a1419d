"""The sections of an AWS config file as botocore reads them, or the reason why it can't be read.

botocore takes a file that can't be read for an empty one, and so its profiles for names of roles.
"""

import configparser
import os
import stat
from typing import Any, TextIO

from awsassume.errors import ConfigurationFailure

_KINDS = (
    (stat.S_ISDIR, "Is a directory"),
    (stat.S_ISFIFO, "it is a pipe, and no file"),
    (stat.S_ISSOCK, "it is a socket, and no file"),
)


def read(path: str) -> dict[str, Any] | None:
    """Read a file's sections; ``None`` where there is no such file. Raises ConfigurationFailure.

    A key's indented lines are a section of their own, as in botocore's raw_config_parse. ``/dev/null`` is empty on purpose.
    """
    try:
        _refuse_no_file(path, os.stat(path))
        # It may be another by now, and whoever opens a pipe waits for a writer.
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags)
    except OSError as error:
        if _is_absent(path, error):
            return None
        raise _unreadable(path, _reason(path, error)) from None
    except ValueError:
        raise _unreadable(path, "its name holds a NUL character") from None
    try:
        _refuse_no_file(path, os.fstat(descriptor))
        with open(descriptor, encoding="locale", closefd=False) as file:
            return _parsed(path, file)
    finally:
        os.close(descriptor)


def _refuse_no_file(path: str, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode) or os.path.samestat(status, os.stat(os.devnull)):
        return
    what = next((what for is_kind, what in _KINDS if is_kind(status.st_mode)), "it is no file")
    raise _unreadable(path, what)


def _parsed(path: str, file: TextIO) -> dict[str, Any]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_file(file, path)
        return {
            section: {key: _value(parser.get(section, key)) for key in parser.options(section)}
            for section in parser.sections()
        }
    except (configparser.Error, UnicodeError, ValueError):
        raise ConfigurationFailure(f"{path} is not an AWS config file", f"look at {path}") from None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None


def _value(text: str) -> str | dict[str, str]:
    """Give a key's text, or its indented lines. Raises ValueError for a line without ``=``."""
    if not text.startswith("\n"):
        return text
    found = {}
    for line in text.splitlines():
        if line.strip():
            key, value = line.split("=", 1)
            found[key.strip()] = value.strip()
    return found


def _is_absent(path: str, error: OSError) -> bool:
    """Tell whether nothing is there at all; a link that leads nowhere is something."""
    if isinstance(error, FileNotFoundError):
        return _broken_link(path) is None
    # A home that is no directory has no such file; in its place, a file .aws hides one.
    return isinstance(error, NotADirectoryError) and not os.path.lexists(os.path.dirname(path))


def _broken_link(path: str) -> str | None:
    for place in (path, os.path.dirname(path)):
        if os.path.islink(place) and not os.path.exists(place):
            return place
    return None


def _reason(path: str, error: OSError) -> str:
    link = _broken_link(path) if isinstance(error, FileNotFoundError) else None
    reason = error.strerror or str(error)
    return f"{link} is a link to {os.readlink(link)}: {reason}" if link else reason


def _unreadable(path: str, reason: str) -> ConfigurationFailure:
    return ConfigurationFailure(
        f"{path} can't be read: {reason}",
        "mend that, or name another in AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE (/dev/null for none)",
    )
