"""SDKs that live longer than the credentials they were given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import soak

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_hundred_boto3_sessions_live_on_short_credentials(tmp_path: Path) -> None:
    """None fails, none is another, and AWS is asked once a session; `make soak` does it with a thousand."""
    outcome = soak.soak(tmp_path, 100, 45, lifetime=30)
    assert outcome.failures == []
    assert outcome.calls >= 100
    assert 2 <= outcome.assumed <= outcome.allowed
