"""A small file of names and texts that is cheap to read and can't be half read.

One line with our name, the version of the form and a checksum, then names and values between NULs. JSON would be the
obvious form; importing its reader takes longer than everything else a hit does.

A file of the cache says itself which one it is, so that one that was put in another's place is none. Where AWSASSUME_STORE
asks for it, it is sealed as well.
"""

from awsassume import private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.sealed import Seal

_HEAD = b"awsassume 1 "
# A Mersenne prime: a remainder by it is a checksum that needs no import. It finds damage; it is no defence against forgery,
# which is what the file's owner and mode are for.
_PRIME = (1 << 89) - 1
# The first name of every file of the cache; its text is the file's own.
_PLACE = "place"

# What seals the files, when AWSASSUME_STORE asks for it; set once, at the start of a run.
seal: "Seal | None" = None


def checksum(data: bytes) -> str:
    """Give a short text that changes when the data does."""
    return format(int.from_bytes(b"\1" + data, "big") % _PRIME, "x")


def dump(pairs: list[tuple[str, str]]) -> bytes:
    """Write the pairs. Raises ValueError for a NUL in one."""
    texts = [text for pair in pairs for text in pair]
    if any("\0" in text for text in texts):
        msg = "a NUL can't be stored"
        raise ValueError(msg)
    body = "\0".join(texts).encode("utf-8", "surrogateescape")
    return _HEAD + checksum(body).encode() + b"\n" + body


def load(data: bytes) -> list[tuple[str, str]] | None:
    """Read what ``dump`` wrote; ``None`` for anything else: cut, damaged, of another version, or not ours at all."""
    head, newline, body = data.partition(b"\n")
    if not newline or head != _HEAD + checksum(body).encode():
        return None
    texts = body.decode("utf-8", "surrogateescape").split("\0")
    if len(texts) % 2:
        return None
    return list(zip(texts[::2], texts[1::2], strict=True))


def read(cache: str, folder: str, name: str) -> list[tuple[str, str]] | None:
    """Read the file of this name in a folder of the cache; ``None`` where there is none that says it is that file.

    Raises private.UntrustedError, and errors.Failure where files are sealed and no key can be had.
    """
    try:
        data = private.read(cache, folder, name)
    except OSError:
        return None
    return None if data is None else unpack(folder, name, data)


def unpack(folder: str, name: str, data: bytes) -> list[tuple[str, str]] | None:
    """Read what ``write`` put in the file of this name; ``None`` for anything else. Raises errors.Failure as ``read``."""
    place = f"{folder}/{name}"
    opened = data if seal is None else seal.open(place, data)
    pairs = None if opened is None else load(opened)
    if not pairs or pairs[0] != (_PLACE, place):
        return None
    return pairs[1:]


def write(cache: str, folder: str, name: str, pairs: list[tuple[str, str]]) -> None:
    """Put the pairs in the file of this name in a folder of the cache.

    Raises private.UntrustedError, OSError or ValueError, and errors.Failure where it can't be sealed.
    """
    place = f"{folder}/{name}"
    data = dump([(_PLACE, place), *pairs])
    from awsassume import folders

    folders.write(cache, folder, name, data if seal is None else seal.close(place, data))
