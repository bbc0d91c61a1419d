"""The form of our files: what is written is read, and nothing else is."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsassume import record

TEXT = st.binary().filter(lambda data: b"\0" not in data).map(os.fsdecode)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1)


@given(PAIRS)
def test_what_was_written_is_read(pairs: list[tuple[str, str]]) -> None:
    """Names and values of any bytes but NUL, in order, repeated names and empty texts included."""
    assert record.load(record.dump(pairs)) == pairs


@given(PAIRS, st.data())
def test_a_cut_file_is_none(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    """Wherever it was cut."""
    whole = record.dump(pairs)
    assert record.load(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


@given(PAIRS, st.data())
def test_a_changed_byte_makes_it_none(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    """Whichever byte it is."""
    whole = bytearray(record.dump(pairs))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    assert record.load(bytes(whole)) is None


@given(st.binary())
def test_any_other_bytes_are_none(data: bytes) -> None:
    """Empty, random, JSON, another version's."""
    assert record.load(data) is None


def test_a_nul_can_t_be_stored() -> None:
    """It would part a value in two."""
    with pytest.raises(ValueError, match="NUL"):
        record.dump([("a", "b\0c")])


@given(st.binary(), st.binary())
def test_the_checksum_tells_texts_apart(one: bytes, other: bytes) -> None:
    """Also those that differ in leading zero bytes alone."""
    assert (record.checksum(one) == record.checksum(other)) == (one == other)
    assert record.checksum(b"\0" + one) != record.checksum(one)
