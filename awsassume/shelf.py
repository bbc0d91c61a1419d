"""All that is kept in one folder of the cache."""

from awsassume import folders, private, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def records(
    cache: str | None, place: str, most: int | None = None
) -> "Iterator[tuple[str, dict[str, str]]]":
    """Give the name and the fields of each record, of the first ``most`` if that is given; what can't be read is left out."""
    try:
        folder = folders.opened(cache, place) if cache else None
    except (OSError, private.UntrustedError):
        return
    if folder is None:
        return
    with folder:
        for name in folder.names()[:most]:
            if name.startswith("."):
                continue
            try:
                pairs = record.unpack(place, name, folder.read(name) or b"")
            except (OSError, private.UntrustedError):
                continue
            if pairs is not None:
                yield name, dict(pairs)
