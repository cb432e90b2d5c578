"""What the doctor says of what it finds: pure checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.doctor import machine
from server.doctor.layout import SERVER_BYTES
from server.doctor.layout import Layout
from server.doctor.layout import Part
from server.doctor.native import DeviceFacts
from server.doctor.report import Finding
from server.doctor.report import Level
from server.doctor.report import Report
from server.doctor.report import ok
from server.doctor.report import problem
from server.doctor.report import warning

MIB = 1 << 20
SERVER_MIB = SERVER_BYTES >> 20
LAYOUT = Layout(4096, 1, (Part("", 1000 * MIB, 200 * MIB, 100 * MIB),))
NEEDED_MIB = 1300 + SERVER_MIB


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_a_report_is_as_bad_as_its_worst_line() -> None:
    assert Report((ok("a", ""), warning("b", ""))).level is Level.WARNING
    report = Report((problem("port", "in use"), ok("memory", "enough")))
    assert report.has_problem
    assert list(report.lines()) == ["problem  port    in use", "ok       memory  enough"]
    assert report.as_json() == {
        "level": "problem",
        "checks": [
            {"name": "port", "level": "problem", "text": "in use"},
            {"name": "memory", "level": "ok", "text": "enough"},
        ],
        "memory": None,
    }


def test_an_old_python_is_a_problem() -> None:
    assert machine.python_finding((3, 9, 1)).level is Level.PROBLEM
    assert machine.python_finding((3, 10, 0)).level is Level.OK


def test_packages_that_are_missing_or_too_old_are_named_with_their_command() -> None:
    asked = ["flask>=3.0", "gevent>=24.11", "numpy>=1.26", 'pytest; extra == "test"']
    here = {"flask": "3.1", "gevent": "23.1"}
    lines = [each.text for each in machine.package_findings(asked, here.get)]
    assert lines == [
        "gevent 23.1 is not >=24.11; pip install 'gevent>=24.11'",
        "numpy is missing; pip install 'numpy>=1.26'",
        "flask 3.1",
    ]


def test_a_gpu_that_the_libraries_do_not_use_is_a_warning() -> None:
    cpu = DeviceFacts("CPU", "EPYC", 64 << 30, 64 << 30, is_cpu=True)
    gpu = DeviceFacts("CUDA0", "H100", 80 << 30, 79 << 30, is_cpu=False)
    drivers = ["/dev/nvidiactl"]
    *_, last = machine.device_findings([cpu], drivers)
    assert last.level is Level.WARNING and "-DGGML_CUDA=ON" in last.text
    assert levels(list(machine.device_findings([cpu, gpu], drivers))) == [Level.OK, Level.OK]


def test_more_threads_than_processors_are_a_warning() -> None:
    assert levels(list(machine.thread_findings(8, 4))) == [Level.WARNING]
    assert levels(list(machine.thread_findings(4, 4))) == [Level.OK]


@pytest.mark.parametrize(
    ("wants", "limit", "level"),
    [
        (True, 64 << 10, Level.PROBLEM),
        (True, None, Level.OK),
        (True, 2000 * MIB, Level.OK),
        (False, 64 << 10, Level.OK),
    ],
)
def test_mlock_needs_a_limit_above_the_weights(
    wants: bool, limit: int | None, level: Level
) -> None:
    assert machine.lock_finding(wants, 1000 * MIB, limit).level is level


@pytest.mark.parametrize(
    ("free_mib", "is_mapped", "expected"),
    [
        (NEEDED_MIB + 100, True, [Level.OK]),
        (NEEDED_MIB - 1, True, [Level.WARNING]),
        (NEEDED_MIB - 1, False, [Level.PROBLEM]),
        (NEEDED_MIB - 1001, True, [Level.PROBLEM]),
        (None, True, [Level.OK]),
    ],
)
def test_memory_that_can_be_read_again_is_less_needed_than_the_rest(
    free_mib: int | None, is_mapped: bool, expected: list[Level]
) -> None:
    assert levels(list(machine.memory_findings(LAYOUT, is_mapped, 50, free_mib))) == expected


@pytest.mark.parametrize("cache_ram_mib", [-1, 101])
def test_kept_prompts_must_fit_beside_the_model(cache_ram_mib: int) -> None:
    *_, last = machine.memory_findings(LAYOUT, True, cache_ram_mib, NEEDED_MIB + 100)
    assert last.level is Level.WARNING
    assert last.text.endswith("100 MiB are left; choose --cache-ram 50 or less")


def test_the_memory_of_devices_is_judged_by_device() -> None:
    parts = (Part("CUDA0", 600 * MIB, 0, 0), Part("CUDA1", 600 * MIB, 0, 0))
    free = {"CUDA0": 500, "CUDA1": 700}
    devices = [DeviceFacts(name, "", 0, mib * MIB, False) for name, mib in free.items()]
    found = list(machine.device_memory_findings(Layout(512, 1, parts), devices))
    assert levels(found) == [Level.PROBLEM, Level.OK]


def test_disks_must_be_there_writable_and_not_full() -> None:
    path = Path("/data")
    assert "there is no directory" in machine.disk_finding("--x", path, None, False).text
    assert "can't be written" in machine.disk_finding("--x", path, 5000, False).text
    assert machine.disk_finding("--x", path, 10, True).level is Level.WARNING
    assert machine.disk_finding("--x", path, 5000, True).level is Level.OK
