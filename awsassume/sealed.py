"""Sessions sealed with a key that the operating system's keyring keeps: ``AWSASSUME_STORE=keyring``.

AES-GCM with a nonce of its own for each file, and the session's key as what is authenticated beside, so that one file can't
be put in another's place. What can't be opened is a miss; a keyring that can't be used is an error, and never a plain file.
Only this module knows the packages ``keyring`` and ``cryptography``, which the extra of the same name brings.
"""

import base64
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from awsassume import sessions, slow, spelling
from awsassume.errors import ConfigurationFailure

STORE = "keyring"
SERVICE = "awsassume"
NAME = "session key"
# A keyring that is locked may ask its user to unlock it; botocore's caller may wait no longer than this.
KEYRING_SECONDS = 20
_HEAD = b"awsassume sealed 1\n"
_Answer = TypeVar("_Answer")
_NONCE_BYTES = 12
_KEY_BYTES = 32
# Those keep what they are given where anybody can read it, or nowhere.
_OPEN_BACKENDS = ("PlaintextKeyring", "null", "fail", "SimpleKeyring")


class _SlowKeyringError(BaseException):
    """The keyring took too long. No ``Exception``: its backends would take it for one of theirs."""


class Seal:
    """Seals files and opens them; asks the keyring once, at the first of them.

    ``store`` is what AWSASSUME_STORE says, ``cache`` the directory of the cache. Every method raises
    ConfigurationFailure where sessions can't be sealed.
    """

    def __init__(self, store: str, cache: str) -> None:
        self._store = store
        self._cache = cache
        self._key = b""

    def ready(self) -> None:
        """Find the key, or raise ConfigurationFailure before anything is asked for or called that could not be kept."""
        if self._key:
            return
        if self._store != STORE:
            raise ConfigurationFailure(
                f"AWSASSUME_STORE: {self._store!r} is no store", f"set it to {STORE}, or unset it"
            )
        slow.bring_in_site()
        try:
            import cryptography  # noqa: F401  # to know now, not at the first session
            import keyring
        except ImportError as error:
            raise ConfigurationFailure(
                f"AWSASSUME_STORE={STORE} needs the Python package {error.name}",
                f"run: {spelling.command([sys.executable])} -m pip install keyring cryptography",
            ) from None
        backend = _asked(keyring.get_keyring)
        kind = type(backend)
        if kind.__name__ in _OPEN_BACKENDS or kind.__module__.rpartition(".")[2] in _OPEN_BACKENDS:
            raise ConfigurationFailure(
                "AWSASSUME_STORE=keyring: there is no keyring here that keeps a secret",
                f"see: {spelling.command([sys.executable])} -m keyring --list-backends",
            )
        self._key = _stored() or self._made()

    def _made(self) -> bytes:
        """Make the key, and give the one that the keyring then holds: of two who make it at once, one made it."""
        import keyring

        # Not before there is a site to find its own imports in.
        from awsassume.lock import Lock

        made = base64.b64encode(os.urandom(_KEY_BYTES)).decode()
        with Lock(self._cache, STORE, sessions.WAIT_SECONDS):
            found = _stored()
            if found is None:
                _asked(lambda: keyring.set_password(SERVICE, NAME, made))
                found = _stored()
        if found is None:
            raise ConfigurationFailure("the keyring does not keep what it is given")
        return found

    def close(self, key: str, data: bytes) -> bytes:
        """Seal the data of a session."""
        self.ready()
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return _HEAD + nonce + AESGCM(self._key).encrypt(nonce, data, key.encode())

    def open(self, key: str, data: bytes) -> bytes | None:
        """Open what ``close`` sealed for the same session; ``None`` for anything else."""
        self.ready()
        if not data.startswith(_HEAD):
            return None
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        body = data[len(_HEAD) :]
        try:
            return AESGCM(self._key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], key.encode())
        except (InvalidTag, ValueError):
            return None


def _stored() -> bytes | None:
    import keyring

    text = _asked(lambda: keyring.get_password(SERVICE, NAME))
    if text is None:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigurationFailure(
            "what the keyring keeps for awsassume is no key",
            f'remove it: {sys.executable} -m keyring del {SERVICE} "{NAME}"',
        )
    return key


def _asked(question: Callable[[], _Answer]) -> _Answer:
    """Ask the keyring. Its backends raise whatever they like, so everything is taken for a keyring that can't be used."""
    try:
        with _alarm():
            return question()
    except _SlowKeyringError:
        raise ConfigurationFailure(
            f"the keyring did not answer within {KEYRING_SECONDS} s", "unlock it, then try again"
        ) from None
    except Exception as error:  # noqa: BLE001
        raise ConfigurationFailure(
            f"the keyring can't be used: {type(error).__name__}: {str(error)[:200]}",
            f"see: {spelling.command([sys.executable])} -m keyring --list-backends; or unset AWSASSUME_STORE",
        ) from None


@contextmanager
def _alarm() -> Iterator[None]:
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(*_: object) -> None:
        raise _SlowKeyringError

    earlier = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, KEYRING_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
