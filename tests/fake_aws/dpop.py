"""The proof of possession that goes with the refresh of a console login, on the curve P-256.

Follows RFC 9449 (DPoP), RFC 7515 (ES256) and SEC 1, in plain integers: it need be neither fast
nor secret here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = tuple[int, int] | None
"""A point of the curve; None is the one at infinity."""


def _add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return left or right
    if left[0] == right[0]:
        if (left[1] + right[1]) % P == 0:
            return None
        slope = 3 * (left[0] ** 2 - 1) * pow(2 * left[1], -1, P) % P
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, P) % P
    x = (slope**2 - left[0] - right[0]) % P
    return x, (slope * (left[0] - x) - left[1]) % P


def _times(factor: int, point: Point) -> Point:
    total: Point = None
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def new_key() -> tuple[str, str]:
    """Return a private key as PEM, and its public coordinates as a DPoP header has them."""
    private = secrets.randbelow(N - 1) + 1
    public = _times(private, G)
    assert public is not None
    x, y = (coordinate.to_bytes(32) for coordinate in public)
    der = (
        bytes.fromhex("30770201010420")
        + private.to_bytes(32)
        + bytes.fromhex("a00a06082a8648ce3d030107a14403420004")
    )
    text = base64.encodebytes(der + x + y).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n", _encode(
        x
    ) + _encode(y)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def proven_key(header: str, url: str) -> str | None:
    """Return the coordinates of the key that signed a DPoP header; None for a bad one."""
    try:
        first, second, third = header.split(".")
        key = json.loads(_decode(first))["jwk"]
        claims = json.loads(_decode(second))
        public = int.from_bytes(_decode(key["x"])), int.from_bytes(_decode(key["y"]))
        r, s = int.from_bytes(_decode(third)[:32]), int.from_bytes(_decode(third)[32:])
        inverse = pow(s, -1, N)
    except (ValueError, KeyError, TypeError):
        return None
    digest = int.from_bytes(hashlib.sha256(f"{first}.{second}".encode()).digest())
    point = _add(_times(digest * inverse % N, G), _times(r * inverse % N, public))
    if (
        point is None
        or point[0] % N != r
        or (claims.get("htm"), claims.get("htu")) != ("POST", url)
    ):
        return None
    return str(key["x"]) + str(key["y"])
