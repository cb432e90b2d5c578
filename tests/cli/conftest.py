"""What lines of the log are like outside of requests."""

from __future__ import annotations

import pytest

from server.logs import REQUEST_ID


@pytest.fixture(autouse=True)
def no_request() -> None:
    """Tests of other rooms leave answers open, and then lines would carry their request's name."""
    REQUEST_ID.set("")
