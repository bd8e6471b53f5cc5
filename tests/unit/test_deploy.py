"""What is deployed: valid manifests, settings that exist, and time enough to drain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from server.settings import load_settings
from server.settings.model import Settings

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = [
    path for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml")) if path.name != "kustomization.yaml"
]
KUBERNETES_VERSION = "1.33"


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "kubernetes" / name).read_text())
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    return found


def settings_of(environment: dict[str, str], folder: Path) -> Settings:
    """As the container would start; ``StartupError`` for an unknown name or a wrong value."""
    secrets = {
        "PARLANCE_SECRET": "s" * 32,
        "PARLANCE_DATABASE_URL": "postgresql://u:p@db/parlance",
        "PARLANCE_REDIS_URL": "redis://redis",
    }
    return load_settings({"workers": 2}, {**environment, **secrets, "PARLANCE_HOST": "0.0.0.0"}, folder).settings  # noqa: S104


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_valid(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)


def test_the_validator_refuses_an_unknown_field() -> None:
    wrong = manifest("service.yaml")
    wrong["spec"]["prots"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES_VERSION, strict=True)


def test_kustomization_lists_every_manifest() -> None:
    assert sorted(manifest("kustomization.yaml")["resources"]) == [path.name for path in MANIFESTS]


def test_settings_of_the_pods_exist_and_leave_time_to_drain(tmp_path: Path) -> None:
    settings = settings_of(manifest("configuration.yaml")["data"], tmp_path)
    pod = manifest("deployment.yaml")["spec"]["template"]["spec"]
    pause_s = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > pause_s + 2 * settings.drain_ms / 1000 + 5


def test_settings_of_compose_exist_and_leave_time_to_drain(tmp_path: Path) -> None:
    service = compose()["services"]["parlance"]
    settings = settings_of(service["environment"], tmp_path)
    assert int(service["stop_grace_period"].removesuffix("s")) > 2 * settings.drain_ms / 1000 + 5


def test_probes_ask_for_pages_that_exist() -> None:
    container = manifest("deployment.yaml")["spec"]["template"]["spec"]["containers"][0]
    paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    source = (ROOT / "server" / "transport" / "http" / "health.py").read_text()
    assert all(f'"{path}"' in source for path in paths)
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_nothing_runs_as_root() -> None:
    pod = manifest("deployment.yaml")["spec"]["template"]["spec"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert pod["securityContext"]["runAsNonRoot"]
    assert f"--uid {pod['securityContext']['runAsUser']} " in dockerfile
    assert dockerfile.index("USER parlance") < dockerfile.index('CMD ["parlance"')


def test_names_of_services_are_not_taken_for_settings() -> None:
    assert manifest("deployment.yaml")["spec"]["template"]["spec"]["enableServiceLinks"] is False
