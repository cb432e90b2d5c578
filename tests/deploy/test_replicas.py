"""Two real servers behind each proxy, one of which is killed under load."""

from __future__ import annotations

import http.client
import threading
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.deploy.proxies import COMMANDS
from tests.deploy.proxies import proxy
from tests.e2e import live
from tests.e2e import models
from tests.e2e import wire
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.model

N_STREAMS = 12
LIMITS = ("-t", "1", "-np", str(N_STREAMS), "--kv-unified", "-c", "32768", "--cache-ram", "0")
STREAM = {"n_predict": 500, "stream": True, "ignore_eos": True}


class Client(threading.Thread):
    """Reads one conversation's stream to its end."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__()
        self.url = url
        self.body = {"prompt": name, **STREAM}
        self.headers = {"X-Conversation-Id": name}
        self.is_complete = False

    def run(self) -> None:
        try:
            with wire.stream(self.url, "/completion", self.body, headers=self.headers) as answer:
                self.is_complete = any(event["stop"] for event in answer.events())
        except (OSError, http.client.HTTPException, ValueError):
            # cut in the middle
            self.is_complete = False


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_killed_server_hurts_no_stream_of_the_other(name: str, tmp_path: Path) -> None:
    model = models.tiny(tmp_path / "tiny.gguf")
    with ExitStack() as stack:
        servers = []
        for i in range(2):
            servers.append(live.start(["-m", model, *LIMITS], tmp_path / f"log{i}"))
            stack.callback(servers[-1].kill)
        killed, kept = servers
        ports = [urlsplit(server.url).port or 0 for server in servers]
        url = stack.enter_context(proxy(name, tmp_path, ports))
        clients = [Client(url, f"conversation {i}") for i in range(N_STREAMS)]
        for client in clients:
            client.start()
        n_busy = wait_until(
            "all are answered",
            lambda: (
                busy if sum(busy := [each.busy_slots() for each in servers]) == N_STREAMS else None
            ),
        )
        killed.kill()
        for client in clients:
            client.join(60)
        assert 0 < n_busy[1] < N_STREAMS
        assert sum(client.is_complete for client in clients) == n_busy[1]
        kept.wait_idle()
        for client in clients:
            reply = wire.request(url, "/tokenize", {"content": "hi"}, headers=client.headers)
            assert reply.status == 200
