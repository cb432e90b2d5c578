"""Requests that schemathesis makes of /openapi.json: valid ones and broken ones, on every route.

No answer is a fault of the server, none takes long, each has the status, the type and the form that
the description promises, and no slot is left busy. LLAMACTL_GENERATED_REQUESTS says how many
requests are made about; `make fuzz` makes 10,000.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import given
from hypothesis import settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.checks import load_all_checks

from server.api.dialects import DIALECTS
from server.api.openapi import document
from tests.e2e import live
from tests.e2e.live import LiveServer

pytestmark = pytest.mark.model

VARIABLE = "LLAMACTL_GENERATED_REQUESTS"
N_REQUESTS = int(os.environ.get(VARIABLE, "300"))
TIMEOUT_S = 20.0
"""Far more than the longest answer takes: a context full of tokens of the tiny model."""

REFUSALS = {501, 503}
"""What is switched off or not built, and what is not possible now."""

SCHEMA = schemathesis.openapi.from_dict(document(DIALECTS))
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
WITH_BODY = [name for name, operation in OPERATIONS.items() if operation.body]
N_PER_BODY = max(1, N_REQUESTS // (2 * len(WITH_BODY)))
N_PER_OTHER = min(10, N_PER_BODY)

PAIRS = [
    (name, mode)
    for name, operation in OPERATIONS.items()
    for mode in GenerationMode
    # of the others nothing could be wrong
    if mode is GenerationMode.POSITIVE or operation.body or operation.query
]

load_all_checks()
PROMISES = CHECKS.get_by_names(
    ["status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection for all requests, as a client has it."""
    with requests.Session() as opened:
        yield opened


@pytest.fixture(scope="module")
def statuses() -> Iterator[Counter[int]]:
    """How often each status came; shown by `pytest -s`."""
    counts: Counter[int] = Counter()
    yield counts
    print(f"\n{counts.total()} requests; by status: {dict(sorted(counts.items()))}")


@pytest.fixture(scope="module")
def shared_server(
    tiny_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """Everything switched on; small contexts, so that no answer is long."""
    folder = tmp_path_factory.mktemp("generated")
    size = ("-np", "4", "-c", "512", "-t", "1", "--predict", "8", "--max-body-mib", "1")
    switches = ("--metrics", "--props", "--slot-save-path", folder, "--alias", "tiny")
    vectors = ("--embeddings", "--pooling", "mean")
    server = live.start(["-m", tiny_path, *size, *switches, *vectors], folder / "log")
    yield server
    try:
        assert server.stop() == 0
    finally:
        server.kill()
    assert "Traceback" not in server.log


@pytest.fixture
def server(shared_server: LiveServer) -> Iterator[LiveServer]:
    """The server; a test that leaves one of its slots busy has failed."""
    yield shared_server
    shared_server.wait_idle()


@pytest.mark.parametrize(("name", "mode"), PAIRS, ids=[f"{n} {m.value}" for n, m in PAIRS])
def test_no_generated_request_is_too_much(
    server: LiveServer,
    session: requests.Session,
    statuses: Counter[int],
    name: str,
    mode: GenerationMode,
) -> None:
    operation = OPERATIONS[name]

    @settings(
        max_examples=N_PER_BODY if operation.body else N_PER_OTHER,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(base_url=server.url, session=session, timeout=TIMEOUT_S)
        statuses[response.status_code] += 1
        assert response.status_code < 500 or response.status_code in REFUSALS, response.text
        case.validate_response(response, checks=PROMISES)

    before = statuses.total()
    ask()
    assert statuses.total() > before
