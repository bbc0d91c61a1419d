"""Fixtures of the fake AWS: a conftest names this module in `pytest_plugins`, or imports from it."""

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
