"""Where the time of a step goes: `--step-trace`."""

from __future__ import annotations

import io
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.engine.config import EngineConfig
from server.engine.delivery import ThreadDelivery
from server.engine.engine import Engine
from server.engine.errors import LoadFailed
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Submit
from server.engine.task import Task
from server.engine.thread import new_engine
from server.engine.traced import Part
from server.engine.traced import Times
from server.engine.traced import TracedEngine
from server.engine.traced import open_trace
from tests.fakes import FakeRunner

PARTS = [f"{part.name.lower()}_us" for part in Part]
LAG_S = 0.002


class SlowRunner(FakeRunner):
    """Every batch takes a while, in the way that libllama does: on the processor."""

    def decode(self) -> None:
        until_s = time.perf_counter() + LAG_S
        while time.perf_counter() < until_s:
            pass
        super().decode()


def traced(*prompts: bytes, n_predict: int = 4) -> list[dict[str, Any]]:
    """The lines of an engine that answers the prompts."""
    out, mailbox = io.StringIO(), Mailbox(ThreadDelivery())
    runner = SlowRunner()
    engine = TracedEngine(runner, mailbox, EngineConfig(), out=out)
    tasks = tuple(
        Task(id=i, prompt=np.frombuffer(prompt, np.uint8).astype(np.int32), n_predict=n_predict)
        for i, prompt in enumerate(prompts)
    )
    mailbox.post(Submit(tasks))
    engine.tick()
    while not engine.is_idle:
        engine.tick()
    engine.tick()  # nothing to do: no line
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_step_is_a_line_with_its_rows() -> None:
    lines = traced(b"Hello", b"World!")
    assert [line["rows"] for line in lines] == [11, 2, 2, 2]
    assert [(line["streams"], line["prompts"]) for line in lines[:2]] == [(0, 2), (2, 0)]
    assert lines[0]["prompt_rows"] == 11


def test_the_parts_add_up_to_the_step() -> None:
    for line in traced(b"Hello"):
        assert sum(line[part] for part in PARTS) == pytest.approx(line["total_us"], abs=2)
        assert line["decode_us"] >= LAG_S * 1e6
        assert line["decode_us"] > line["build_us"] > 0
        assert line["sample_us"] > 0 and line["publish_us"] > 0
        assert line["waits_us"] + line["decode_waits_us"] <= line["total_us"]


def test_steps_follow_each_other_in_time() -> None:
    lines = traced(b"Hello")
    for before, after in pairwise(lines):
        assert after["at_us"] >= before["at_us"] + before["total_us"] - 2


def test_a_switch_gives_time_to_the_part_that_was() -> None:
    times = Times()
    assert times.switch(Part.PLAN) is Part.OTHER
    assert times.switch(Part.SAMPLE) is Part.PLAN
    assert times.switch(Part.OTHER) is Part.SAMPLE
    assert all(times.wall_ns[part] > 0 for part in (Part.OTHER, Part.PLAN, Part.SAMPLE))
    assert times.wall_ns[Part.DECODE] == 0


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(LoadFailed, match=r"--step-trace .*/no/steps: No such file or directory"):
        open_trace(str(tmp_path / "no" / "steps"))


@pytest.mark.parametrize("is_traced", [False, True])
def test_who_traces_nothing_has_the_plain_engine(tmp_path: Path, is_traced: bool) -> None:
    path = tmp_path / "steps.jsonl"
    mailbox, config = Mailbox(ThreadDelivery()), EngineConfig(step_trace=str(path) * is_traced)
    engine = new_engine(FakeRunner(), mailbox, config)
    assert type(engine) is (TracedEngine if is_traced else Engine)
    engine.close()
    assert path.exists() is is_traced
