"""An MFA code, from a process or from the person at the terminal; never where nobody can see the question."""

import os
import re
import shlex
import signal
import subprocess
import termios
from collections.abc import Mapping
from typing import Any

from awsassume import person, spelling
from awsassume.errors import ConfigurationFailure, SourceFailure, Unasked, UsageFailure

_CODE = re.compile(r"\d{6}", re.ASCII)
PROCESS_SECONDS = 60


def checked(code: str, where: str) -> str:
    """Give the code if it is six digits. Raises UsageFailure."""
    code = code.strip().replace(" ", "")
    if not _CODE.fullmatch(code):
        raise UsageFailure(f"{where}: an MFA code is six digits")
    return code


def from_process(command: str, profile: str, environ: Mapping[str, str]) -> str:
    """Run a profile's mfa_process and read the code that it prints. Raises ConfigurationFailure or SourceFailure.

    ``environ`` is what it is started in. Split as botocore splits credential_process, and run without a shell. It may ask for
    a touch or a PIN: it has the terminal, but not our standard output, which a shell will read.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise ConfigurationFailure(f'mfa_process of profile "{profile}" is no command: {command}')
    try:
        done = subprocess.run(
            words,
            env=environ,
            stdout=subprocess.PIPE,
            check=False,
            timeout=PROCESS_SECONDS,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise ConfigurationFailure(
            f'mfa_process of profile "{profile}" can\'t be run: {words[0]}: {error.strerror}'
        ) from None
    except subprocess.TimeoutExpired:
        raise SourceFailure(
            f'mfa_process of profile "{profile}" did not end within {PROCESS_SECONDS} s'
        ) from None
    # As a person reads it off a device.
    found = _CODE.fullmatch(re.sub(r"[ \t]+", "", done.stdout.strip()))
    if done.returncode or not found:
        hint = spelling.trial(command)
        said = f"exit code {done.returncode}" if done.returncode else "no code of six digits"
        raise SourceFailure(
            f'mfa_process of profile "{profile}" gave {said}',
            hint,
            quotes=(hint,),
        )
    return found[0]


def can_ask() -> bool:
    """Tell whether a question would be seen: there is a terminal, and we are in its foreground."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(descriptor)


def confirm(question: str) -> bool:
    """Ask on /dev/tty whether to do something. Only what begins with a y is a yes; EOF is a no."""
    with open("/dev/tty", "r+b", buffering=0) as tty:
        person.tell(tty.fileno(), f"{person.plain(question)} [y/N] ")
        return tty.readline().strip().lower().startswith(b"y")


def show(text: str) -> None:
    """Write lines on /dev/tty, for a person who was asked something there."""
    with open("/dev/tty", "wb", buffering=0) as tty:
        person.tell(tty.fileno(), f"{text}\n")


class _Hidden:
    """A context in which the terminal, while we are stopped and afterwards, is as it was found; continued, it hides again.

    What is typed is hidden by getpass, which cleans up for every end but that of a stop.
    """

    def __enter__(self) -> None:
        """Take down how the terminal is."""
        self._tty = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        self._found = termios.tcgetattr(self._tty)
        self._hidden = termios.tcgetattr(self._tty)
        self._hidden[3] &= ~termios.ECHO
        self._earlier = signal.getsignal(signal.SIGTSTP)
        if self._earlier == signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self._stop)
        self._continued = signal.signal(signal.SIGCONT, self._hide)

    def __exit__(self, *error: object) -> None:
        """Leave it so."""
        signal.signal(signal.SIGTSTP, self._earlier)
        signal.signal(signal.SIGCONT, self._continued)
        self._set(self._found)
        os.close(self._tty)

    def _stop(self, number: int, frame: object) -> None:
        self._set(self._found)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)
        self._hide(number, frame)

    def _hide(self, number: int, frame: object) -> None:  # noqa: ARG002  # as Python calls it
        self._set(self._hidden)

    def _set(self, modes: list[Any]) -> None:
        try:
            termios.tcsetattr(self._tty, termios.TCSANOW, modes)
        except termios.error:
            # It has gone.
            return


def ask(serial: str, note: str | None = None) -> str:
    """Ask for a device's code on /dev/tty alone. Raises SourceFailure where nobody would see it.

    EOF or an empty line gives up, as an interrupt does.
    """
    if not can_ask():
        raise Unasked(
            f"an MFA code for {serial} is needed, and there is no terminal to ask on",
            "give it: --token-code CODE, or set mfa_process in the profile",
        )
    import getpass

    # Nothing else writes it: getpass turns off what is typed, and shows the question as it is.
    serial = person.plain(serial)
    question = f"MFA code for {serial}: "
    if note:
        question = f"{person.plain(note)}\n{question}"
    try:
        for _ in range(3):
            with _Hidden():
                code = getpass.getpass(question).strip().replace(" ", "")
            if not code:
                break
            if _CODE.fullmatch(code):
                return code
            question = f"That is not six digits. MFA code for {serial}: "
    except EOFError:
        pass
    raise KeyboardInterrupt
