"""The machine, and what processes use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.machine import look
from bench.usage import usage_of
from bench.words import words

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")


def test_machine_is_described() -> None:
    machine = look()
    assert machine.n_cores >= 1
    assert f"{machine.n_cores} cores" in machine.line


@pytest.mark.parametrize(("load", "is_busy"), [(0.1, False), (0.9, True)])
def test_load_of_others_is_noticed(load: float, is_busy: bool) -> None:
    assert replace(look(), n_cores=2, load=load).is_busy is is_busy


@needs_proc
def test_usage_grows_with_work() -> None:
    before = usage_of(os.getpid())
    deadline_s = time.process_time() + 0.05
    while time.process_time() < deadline_s:
        pass
    after = usage_of(os.getpid())
    assert before is not None and after is not None
    assert after.cpu_s >= before.cpu_s + 0.03
    assert after.peak_rss_mib >= before.peak_rss_mib > 5


@needs_proc
def test_usage_counts_children() -> None:
    alone = usage_of(os.getpid())
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        both, its = usage_of(os.getpid()), usage_of(child.pid)
        child.communicate(b"\n")
    assert alone is not None and both is not None and its is not None
    assert both.peak_rss_mib >= alone.peak_rss_mib + its.peak_rss_mib


@needs_proc
def test_usage_of_nobody_is_none() -> None:
    assert usage_of(2**22 + 1) is None


def test_words_depend_on_their_key_only() -> None:
    assert words(5, 1, "a") == words(5, 1, "a") != words(5, 2, "a")
    assert len(words(5, 1).split()) == 5
