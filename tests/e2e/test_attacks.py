"""What hostile clients send to a running server: each is refused, and others are served meanwhile.

The attacks are a list (`attacks.py`, `guards.py`); bodies byte by byte are in test_bodies.py, file
names in test_slot_files.py, grammars and templates in their own rooms.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.attack_table import ALL
from tests.e2e.attack_table import attacked
from tests.e2e.attack_table import started
from tests.e2e.attacks import Attack
from tests.e2e.guards import CLEARLY
from tests.e2e.guards import N_ROUNDS
from tests.e2e.guards import parted_by
from tests.e2e.live import LiveServer

pytestmark = pytest.mark.model

OTHERS_S = 0.5
"""What other clients may wait at the most while an attack goes on."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with small limits, and with a template that has bombs in it."""
    with started(tmp_path_factory.mktemp("attacks")) as server:
        yield server
        server.wait_idle()
        assert "Traceback" not in server.log


@pytest.mark.parametrize("attack", ALL, ids=[attack.name for attack in ALL])
def test_an_attack_is_refused_and_others_are_served(server: LiveServer, attack: Attack) -> None:
    outcome = attacked(server, attack)
    assert set(outcome.statuses) <= attack.expected
    assert outcome.health_s < OTHERS_S
    assert outcome.gap_s < OTHERS_S


def test_a_key_that_takes_longer_would_be_told_apart() -> None:
    """By half of the spread, as far as a comparison that stops at the first difference is seen."""
    spread = [i / N_ROUNDS for i in range(N_ROUNDS)]
    longer = [each + 0.5 for each in spread]
    assert parted_by(longer, 2 * spread) > CLEARLY
    assert parted_by(spread, 2 * spread) < 1
