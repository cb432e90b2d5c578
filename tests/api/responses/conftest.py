"""A server whose model says what the test wants."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.responses.asking import Scripted
from tests.api.test_chat_tools import TEMPLATE


@pytest.fixture
def says(scripted: Any) -> Scripted:
    return Scripted(*scripted(chat_template=TEMPLATE))
