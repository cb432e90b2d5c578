"""Attention passes masked cells over four at a time (native/ggml/masked.h)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.native.conftest import ROOT

PROGRAM = """
#include <cstdio>
#include <cstdlib>
#include <vector>
#include "masked.h"

int main() {
    srand(1);
    for (int round = 0; round < 20000; round++) {
        std::vector<uint16_t> mask(rand() % 40);
        const int seldom = 1 + rand() % 12;
        for (uint16_t & cell : mask) {
            // seen: 0, a bias, minus infinity's neighbours
            const uint16_t seen[] = { 0x0000, 0xB800, 0xFBFF, 0x7C00 };
            cell = rand() % seldom ? 0xFC00 : seen[rand() % 4];
        }
        const int64_t end = mask.size();
        for (int64_t ic = -1; ic < end; ic++) {
            int64_t next = ic + 1;
            while (next < end && mask[next] == 0xFC00) next++;
            if (llamactl_next_seen(mask.data(), ic, end) != next) {
                printf("round %d, cell %d of %d\\n", round, (int) ic, (int) end);
                return 1;
            }
        }
    }
}
"""


def test_the_next_cell_that_is_seen_is_found_as_one_by_one(tmp_path: Path) -> None:
    source, program = tmp_path / "program.cpp", tmp_path / "program"
    source.write_text(PROGRAM)
    compiler = os.environ.get("CXX", "c++")
    include = ROOT / "native" / "ggml"
    command = [compiler, "-std=c++17", "-O1", "-I", include, source, "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_pinned_source_passes_masked_cells_over_at_one_place(pinned_source: Path) -> None:
    code = (pinned_source / "ggml" / "src" / "ggml-cpu" / "ops.cpp").read_text()
    hooks = (ROOT / "native" / "ggml" / "hooks.cmake").read_text()
    anchor = hooks.split('set(LLAMACTL_MASKED_CELL "', 1)[1].split('")', 1)[0]
    assert code.count(anchor) == 1
