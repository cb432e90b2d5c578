"""All checks, in their order: what is installed, what the options say, what the machine has."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from server import limits
from server.checks import check_settings
from server.doctor import machine
from server.doctor.native import NativeFacts
from server.doctor.native import ask
from server.doctor.report import Finding
from server.doctor.report import Level
from server.doctor.report import Report
from server.doctor.report import ok
from server.doctor.report import problem
from server.doctor.report import warning
from server.engine.llama.weights import load_mode
from server.errors import ServerError
from server.launch import runner_config
from server.listen import BACKLOG
from server.listen import is_path
from server.listen import open_sockets
from server.models.source import with_model_file
from server.options.machine import logical_cpus
from server.options.settings import HttpSettings
from server.options.settings import Settings
from server.tls import server_context


def examine(settings: Settings) -> Report:
    """Check everything that these settings need. Takes about a second."""
    findings = [machine.python_finding(machine.python_facts())]
    findings += machine.package_findings(machine.package_facts(), machine.installed_version)
    settings, found = _with_model(settings)
    findings.append(found)
    has_model = bool(settings.model.path) and found.level is Level.OK
    facts = ask(runner_config(settings) if has_model else None)
    findings += _native_findings(settings, facts, has_model)
    findings += _option_findings(settings)
    findings += machine.thread_findings(settings.device.generation_threads, logical_cpus())
    findings += _address_findings(settings.http)
    findings += _limit_findings(settings.http)
    findings.append(_lock_finding(settings, facts))
    findings += _disk_findings(settings)
    return Report(tuple(findings), facts.layout)


def _with_model(settings: Settings) -> tuple[Settings, Finding]:
    if not settings.model.path and not settings.model.demo:
        return settings, ok("model", "none is named; --model FILE says what it would take")
    try:
        settings = with_model_file(settings)
    except ServerError as error:
        return settings, problem("model", str(error))
    path = Path(settings.model.path)
    size_mib = path.stat().st_size >> 20
    return settings, ok("model", f"{path.name}: complete, {size_mib} MiB")


def _native_findings(settings: Settings, facts: NativeFacts, has_model: bool) -> Iterator[Finding]:
    if facts.problem:
        yield problem("libraries", facts.problem)
        return
    yield ok("libraries", facts.libraries)
    yield from machine.device_findings(facts.devices, machine.gpu_facts())
    yield from (warning("memory", note) for note in facts.notes)
    if facts.layout is not None:
        has_devices = not all(device.is_cpu for device in facts.devices)
        mode = load_mode(runner_config(settings), has_devices=has_devices)
        is_mapped = "mmap" in mode or mode == "auto"
        yield from machine.memory_findings(
            facts.layout, is_mapped, settings.slots.cache_ram_mib, limits.free_mib()
        )
        yield from machine.device_memory_findings(facts.layout, facts.devices)
    elif has_model:
        yield warning("memory", "libllama can't tell what this model takes; start it and see")


def _option_findings(settings: Settings) -> Iterator[Finding]:
    yield from (warning("options", line) for line in settings.warnings)
    for name, check in (
        ("options", lambda: check_settings(settings)),
        ("tls", lambda: server_context(settings.http)),
    ):
        if failure := _failure(check):
            yield problem(name, failure)


def _address_findings(http: HttpSettings) -> Iterator[Finding]:
    for host in http.host:
        if is_path(host):
            yield machine.disk_finding(
                f"--host {host}", Path(host).parent, *machine.disk_facts(Path(host).parent)
            )
            continue
        name = f"{host}:{http.port}"
        failure = _failure(partial(_try_address, replace(http, host=(host,))))
        yield problem("address", failure) if failure else ok("address", f"{name} is free")


def _try_address(http: HttpSettings) -> None:
    for opened in open_sockets(http):
        opened.close()


def _limit_findings(http: HttpSettings) -> Iterator[Finding]:
    try:
        capacity = limits.capacity(http.threads_http, BACKLOG)
    except ServerError as error:
        yield problem("limits", str(error))
        return
    yield from (warning("limits", line) for line in capacity.warnings)
    yield ok("limits", f"{capacity.n_connections} connections at the same time")


def _lock_finding(settings: Settings, facts: NativeFacts) -> Finding:
    weights = facts.layout.ram.weights_bytes if facts.layout else 0
    wants_lock = "mlock" in settings.model.effective_load_mode
    return machine.lock_finding(wants_lock, weights, machine.lock_facts())


def _disk_findings(settings: Settings) -> Iterator[Finding]:
    folders = {
        "--slot-save-path": settings.slots.slot_save_path,
        "--log-prompts-dir": settings.log.log_prompts_dir,
    }
    files = {
        "--responses-store": settings.responses.responses_store,
        "--log-file": settings.log.log_file,
    }
    paths = {"builds": cache} if (cache := _build_cache()).is_dir() else {}
    paths |= {flag: Path(path) for flag, path in folders.items() if path}
    paths |= {flag: Path(path).parent for flag, path in files.items() if path}
    for flag, path in paths.items():
        yield machine.disk_finding(flag, path, *machine.disk_facts(path))


def _build_cache() -> Path:
    """Where build_native.sh keeps sources and builds."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("LLAMACTL_CACHE") or Path(home) / "llamactl")


def _failure(check: Callable[[], object]) -> str:
    """What a check says against it; '' = nothing."""
    try:
        check()
    except ServerError as error:
        return str(error)
    return ""
