"""What runs the server, by hand or in containers, fits the settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from biobank.embedded.programs import programs

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("POSTGRES_PASSWORD", "OS_ADMIN_PASSWORD", "SECRET_KEY")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def queues() -> set[str]:
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    return routed | {settings.CELERY_TASK_DEFAULT_QUEUE}


def served(command: str) -> list[str]:
    return [name for word in command.split() if word.startswith("--queues=") for name in word[9:].split(",")]


def test_every_queue_has_one_worker_under_the_supervisor(tmp_path: Path) -> None:
    found = [name for program in programs(8080, tmp_path) for name in served(" ".join(program.argv))]

    assert sorted(found) == sorted(queues())


def test_every_queue_has_its_own_container(services: dict[str, Any]) -> None:
    found = [served(" ".join(service.get("command", []))) for service in services.values()]

    assert sorted(names[0] for names in found if names) == sorted(queues())
    assert all(len(names) <= 1 for names in found)


def test_every_lasting_container_is_checked_and_restarted(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if name != "setup":
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_no_secret_has_a_default(services: dict[str, Any]) -> None:
    values = [value for service in services.values() for value in service.get("environment", {}).values()]

    for secret in SECRETS:
        uses = [value for value in values if f"${{{secret}" in value]
        assert uses, secret
        assert all(f"${{{secret}:?" in value for value in uses)
        assert f"{secret}=\n" in (ROOT / ".env.example").read_text()
