"""Fixtures of the fake AWS, for a conftest to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .aws import FakeAws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """Yield an empty AWS that answers on a loopback port."""
    with FakeAws() as running:
        yield running
