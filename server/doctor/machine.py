"""Checks of what a server finds around it: Python, packages, limits, memory, disks, processors.

Pure but for the functions named `..._facts`, which read them from the system.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from server.doctor.layout import Layout
from server.doctor.native import DeviceFacts
from server.doctor.report import Finding
from server.doctor.report import ok
from server.doctor.report import problem
from server.doctor.report import warning

PACKAGE = "llamactl"
MIN_PYTHON = (3, 10)
MIN_FREE_MIB = 1024
"""Less than this on a disk that is written to is worth a word."""

GPU_FILES = {
    "/dev/nvidiactl": ("NVIDIA", "-DGGML_CUDA=ON"),
    "/dev/kfd": ("AMD", "-DGGML_HIP=ON"),
}
"""What drivers of GPUs make, and the build that uses them."""

Version = Callable[[str], str | None]
"""The installed version of a package; None = it is missing."""


# what is installed


def python_finding(version: tuple[int, ...]) -> Finding:
    """Whether this Python will do."""
    text = ".".join(map(str, version[:3]))
    if version[:2] < MIN_PYTHON:
        return problem("python", f"{text} is too old; make a venv with 3.10 or later")
    return ok("python", f"{text}, {platform.system()} {platform.machine()}")


def package_findings(requirements: Iterable[str], version_of: Version) -> Iterator[Finding]:
    """Whether the packages are there that were asked for when this one was installed."""
    shown = []
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = version_of(requirement.name)
        if version is None:
            yield problem("packages", f"{requirement.name} is missing; {_install(requirement)}")
        elif not requirement.specifier.contains(version, prereleases=True):
            yield problem(
                "packages",
                f"{requirement.name} {version} is not {requirement.specifier}; "
                f"{_install(requirement)}",
            )
        else:
            shown.append(f"{requirement.name} {version}")
    if shown:
        yield ok("packages", ", ".join(shown))


def package_facts() -> list[str]:
    """What this package requires; empty where it runs without having been installed."""
    try:
        return metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []


def installed_version(name: str) -> str | None:
    """See Version."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _install(requirement: Requirement) -> str:
    return f"pip install '{requirement.name}{requirement.specifier}'"


# processors and devices


def device_findings(devices: Iterable[DeviceFacts], gpu_files: Iterable[str]) -> Iterator[Finding]:
    """A line for each device, and for a GPU that the libraries do not see."""
    devices = list(devices)
    for device in devices:
        sizes = f"{device.total_bytes >> 20} MiB"
        if not device.is_cpu:  # libggml takes all RAM for free
            sizes += f", {device.free_bytes >> 20} MiB free"
        yield ok("device", f"{device.name}: {device.description} ({sizes})")
    if all(device.is_cpu for device in devices):
        for file in gpu_files:
            maker, option = GPU_FILES[file]
            yield warning(
                "device",
                f"there is a GPU ({maker}, {file}) that the libraries do not use; "
                f"run ./build_native.sh {option}",
            )


def gpu_facts() -> list[str]:
    """The files of GPU drivers that are here."""
    return [file for file in GPU_FILES if Path(file).exists()]


def thread_findings(n_threads: int, n_cpus: int) -> Iterator[Finding]:
    """Whether there is a processor for each thread."""
    if n_threads > n_cpus:
        yield warning(
            "threads",
            f"{n_threads} threads share {n_cpus} processors and wait for each other; "
            f"leave --threads out, or choose at most {n_cpus}",
        )
    else:
        yield ok("threads", f"{n_threads} threads on {n_cpus} processors")


# limits


def lock_finding(wants_lock: bool, weights_bytes: int, limit_bytes: int | None) -> Finding:
    """Whether --mlock can have what it wants; limit_bytes: None = none."""
    limit = "no limit" if limit_bytes is None else f"{limit_bytes >> 10} KiB"
    if wants_lock and limit_bytes is not None and limit_bytes < weights_bytes:
        return problem(
            "memlock",
            f"--mlock wants {weights_bytes >> 20} MiB locked, and {limit} may be; raise the limit "
            "(ulimit -l, LimitMEMLOCK=infinity of systemd), or leave it out",
        )
    return ok("memlock", f"{limit}{'' if wants_lock else ', and nothing is to be locked'}")


def lock_facts() -> int | None:
    """The bytes that may be locked; None = any number."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return None if soft == resource.RLIM_INFINITY or os.geteuid() == 0 else soft


# memory


def memory_findings(
    layout: Layout, is_mapped: bool, cache_ram_mib: int, free_mib: int | None
) -> Iterator[Finding]:
    """Whether the model fits into RAM; free_mib: None = not known."""
    ram = layout.ram
    needed_mib = layout.ram_bytes >> 20
    text = (
        f"at most {needed_mib} MiB of RAM: weights {ram.weights_bytes >> 20}, "
        f"context of {layout.n_ctx} tokens {ram.context_bytes >> 20}, "
        f"computing {ram.compute_bytes >> 20}, the server {layout.server_bytes >> 20}"
    )
    if free_mib is None:
        yield ok("memory", text)
        return
    text += f"; {free_mib} MiB are free"
    fixed_mib = needed_mib - (ram.weights_bytes >> 20 if is_mapped else 0)
    if fixed_mib > free_mib:
        yield problem("memory", f"{text}; choose a smaller --ctx-size, or --cache-type-k q8_0")
        return
    if needed_mib > free_mib:
        remedy = "weights would be read from the disk again and again; choose a smaller model"
        yield warning("memory", f"{text}: {remedy}")
        return
    yield ok("memory", text)
    left_mib = free_mib - needed_mib
    if cache_ram_mib < 0 or cache_ram_mib > left_mib:
        most = "any amount of RAM" if cache_ram_mib < 0 else f"{cache_ram_mib} MiB more"
        yield warning(
            "memory",
            f"prompts that are kept may take {most}, and {left_mib} MiB are left; "
            f"choose --cache-ram {left_mib // 2} or less",
        )


def device_memory_findings(layout: Layout, devices: Iterable[DeviceFacts]) -> Iterator[Finding]:
    """Whether its parts fit into the memory of devices."""
    free_mib = {device.name: device.free_bytes >> 20 for device in devices}
    for part in layout.on_devices():
        needed_mib, free = part.n_bytes >> 20, free_mib.get(part.device, 0)
        text = (
            f"{needed_mib} MiB of {part.device}: weights {part.weights_bytes >> 20}, context "
            f"{part.context_bytes >> 20}, computing {part.compute_bytes >> 20}; {free} MiB are free"
        )
        if needed_mib > free:
            remedy = "choose fewer --gpu-layers or a smaller --ctx-size"
            yield problem("memory", f"{text}; {remedy}")
        else:
            yield ok("memory", text)


# disks


def disk_finding(flag: str, path: Path, free_mib: int | None, is_writable: bool) -> Finding:
    """Whether a directory can take what a server writes there; free_mib: None = it is missing."""
    if free_mib is None:
        return problem("disk", f"{flag}: there is no directory {path}; make it")
    if not is_writable:
        return problem("disk", f"{flag}: {path} can't be written by this user; change its owner")
    if free_mib < MIN_FREE_MIB:
        return warning("disk", f"{flag}: {free_mib} MiB are free in {path}; make room")
    return ok("disk", f"{flag}: {free_mib} MiB are free in {path}")


def disk_facts(path: Path) -> tuple[int | None, bool]:
    """The MiB that are free where a directory lies, and whether it can be written."""
    try:
        return shutil.disk_usage(path).free >> 20, os.access(path, os.W_OK | os.X_OK)
    except OSError:
        return None, False


def python_facts() -> tuple[int, ...]:
    """The version of this Python."""
    return tuple(sys.version_info[:3])
