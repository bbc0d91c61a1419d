"""No more of an answer is read than any answer of AWS's needs, whoever gives it and however long it goes on."""

from collections.abc import Iterator
from typing import Protocol

from botocore.awsrequest import AWSResponse

# The largest that is asked for is a page of ListRoles: a hundred roles with their trust policies, a fifth of this.
MOST_BYTES = 1 << 20


class _Raw(Protocol):
    def stream(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


def bound_answers() -> None:
    """Have botocore keep the first MiB of each answer from now on: of services, of containers and instances, of the sign-in.

    What is cut is no answer any more to whoever reads it. botocore itself reads on for as long as there is something, and has
    no setting for it.
    """
    AWSResponse.content = property(_content)  # type: ignore[method-assign, assignment]  # there is no other way in


def _content(response: AWSResponse) -> bytes:
    if response._content is None:  # type: ignore[attr-defined]  # noqa: SLF001  # where botocore keeps it
        response._content = _read(response.raw)  # type: ignore[attr-defined]  # noqa: SLF001  # the same
    return response._content  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001  # the same


def _read(raw: _Raw) -> bytes:
    found = bytearray()
    for part in raw.stream():
        found += part
        if len(found) > MOST_BYTES:
            # What still comes is nobody's.
            raw.close()
            break
    return bytes(found[:MOST_BYTES])
