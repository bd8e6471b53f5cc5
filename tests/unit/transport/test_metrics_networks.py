"""Who may read ``/metrics``."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from server.settings.model import PRIVATE_NETWORKS
from server.telemetry import Metrics
from server.transport.http.health import health_routes


async def ready() -> None: ...


def status(client: str, networks: tuple[str, ...] = PRIVATE_NETWORKS, path: str = "/metrics", **headers: str) -> int:
    app = Starlette(routes=health_routes(ready, Metrics(), networks))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return TestClient(app, client=(client, 1)).get(path, headers=named).status_code


@pytest.mark.parametrize(
    "client",
    ["127.0.0.1", "127.8.8.8", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "fd00::7", "::ffff:10.0.0.1"],
)
def test_loopback_and_private_addresses_read_the_metrics(client: str) -> None:
    assert status(client) == 200


@pytest.mark.parametrize(
    "client", ["203.0.113.7", "172.32.0.1", "11.0.0.1", "2001:db8::1", "::ffff:203.0.113.7", "100.64.0.1", "", "unix"]
)
def test_for_others_there_is_no_such_page(client: str) -> None:
    assert status(client) == 404
    assert status(client, path="/healthz") == 200


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("10.0.0.9", 200),
        ("10.0.0.9, 192.168.0.1", 200),
        ("203.0.113.7", 404),
        ("203.0.113.7, 10.0.0.9", 404),
        ("10.0.0.9, 203.0.113.7", 404),
        ("unknown", 404),
        ("10.0.0.9,", 404),
    ],
)
def test_whom_a_proxy_asks_for_counts_too(named: str, found: int) -> None:
    assert status("10.0.0.1", x_forwarded_for=named) == found


def test_what_is_forwarded_by_another_header_is_refused() -> None:
    assert status("10.0.0.1", forwarded="for=10.0.0.9") == 404


def test_a_false_header_lets_nobody_in() -> None:
    assert status("203.0.113.7", x_forwarded_for="127.0.0.1") == 404


def test_the_setting_decides() -> None:
    assert status("203.0.113.7", ("203.0.113.0/24",)) == 200
    assert status("127.0.0.1", ("203.0.113.0/24",)) == 404
    assert status("127.0.0.1", ()) == 404
