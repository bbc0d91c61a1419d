"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsassume import words


@pytest.mark.parametrize(
    "text, seconds",
    [("900", 900), ("0", 0), ("90s", 90), ("15m", 900), ("1h", 3600), ("12h", 43200), ("1d", 86400),
     ("1h30m", 5400), ("1h0m5s", 3605), ("0900", 900)],
)  # fmt: skip
def test_a_duration_is_seconds(text: str, seconds: int) -> None:
    """A bare number is seconds, as AWS has it."""
    assert words.duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "1x",
        "-1",
        "+1",
        "1.5h",
        "1e3",
        "1h30",
        "30 m",
        " 900",
        "900 ",
        "1H",
        "m1",
        "9" * 40,
        "٣",
        "1\n",
    ],
)
def test_what_is_no_duration_is_refused_by_name_and_rule(text: str) -> None:
    """`1h30` could be minutes or seconds, and is neither."""
    with pytest.raises(ValueError, match="is no duration: write seconds"):
        words.duration(text)


@given(st.text())
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """Nothing else comes of it, and no negative number."""
    try:
        assert words.duration(text) >= 0
    except ValueError as error:
        assert "is no duration" in str(error)  # noqa: PT017
