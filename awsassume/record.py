"""A small file of names and texts that is cheap to read and can't be half read.

One line with our name, the version of the form and a checksum, then names and values between NULs. JSON would be the
obvious form; importing its reader takes longer than everything else a hit does.
"""

_HEAD = b"awsassume 1 "
# A Mersenne prime: a remainder by it is a checksum that needs no import. It finds damage; it is no defence against forgery,
# which is what the file's owner and mode are for.
_PRIME = (1 << 89) - 1


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
