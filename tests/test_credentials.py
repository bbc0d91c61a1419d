"""Credentials as a value: what they hold, what they refuse, what they show."""

from __future__ import annotations

import json
import traceback
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsassume.credentials import Credentials, timestamp

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


def test_the_json_is_what_every_sdk_reads() -> None:
    """The names, their order, the number 1, and a Z at the end of the time."""
    keys = Credentials("ASIAEXAMPLE", "se/cr+et", "tok==", 1893456000, "123456789012")
    assert keys.process_json() == (
        '{"Version": 1, "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "se/cr+et",'
        ' "SessionToken": "tok==", "Expiration": "2030-01-01T00:00:00Z", "AccountId": "123456789012"}'
    )


def test_long_term_keys_have_neither_token_nor_expiration() -> None:
    """An SDK takes keys without Expiration for good."""
    assert json.loads(Credentials("AKIAEXAMPLE", "secret").process_json()) == {
        "Version": 1,
        "AccessKeyId": "AKIAEXAMPLE",
        "SecretAccessKey": "secret",
    }


@given(PRINTABLE, PRINTABLE, PRINTABLE, st.integers(0, 4102444800))
def test_any_value_that_is_taken_is_read_back_from_the_json(
    key: str, secret: str, token: str, until: int
) -> None:
    """The hand-made JSON is JSON, with quotes and backslashes in it too."""
    read = json.loads(Credentials(key, secret, token, until).process_json())
    assert (read["AccessKeyId"], read["SecretAccessKey"], read["SessionToken"]) == (
        key,
        secret,
        token,
    )
    assert datetime.fromisoformat(read["Expiration"]).timestamp() == until


@pytest.mark.parametrize(
    "bad", ["", " ", "a b", "a\n", "\ta", "a\0", "a\x1b[0m", "é", "a\x7f", "\u2028"]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_aws_does_not_give_is_refused(bad: str, place: int) -> None:
    """Empty, blanks, control characters, anything but ASCII; and the value is not in the message."""
    values = ["ASIAEXAMPLE", "secret", "token"]
    values[place] = bad
    with pytest.raises(ValueError, match="is not one that AWS gives") as refused:
        Credentials(values[0], values[1], values[2])
    assert not bad.strip() or bad not in str(refused.value)


def test_no_repr_no_format_and_no_traceback_shows_a_secret() -> None:
    """What is shown tells which key it is, and until when."""
    keys = Credentials("ASIAEXAMPLE", "the-secret", "the-token", 1893456000)
    assert repr(keys) == "<Credentials ASIA…MPLE until 2030-01-01T00:00:00Z>"
    assert repr(Credentials("AKIAEXAMPLE", "the-secret")) == "<Credentials AKIA…MPLE for good>"
    assert "the-" not in f"{keys} {keys!s} {[keys]}"
    shown = traceback.format_exception(ValueError(keys))
    assert "the-" not in "".join(shown)


@given(st.integers(0, 4102444800))
def test_a_timestamp_is_utc_with_a_z(seconds: int) -> None:
    """Whatever the time zone here."""
    assert datetime.fromisoformat(timestamp(seconds)).timestamp() == seconds
    assert timestamp(seconds).endswith("Z")
    assert len(timestamp(seconds)) == 20
