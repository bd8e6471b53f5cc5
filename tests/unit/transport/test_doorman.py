"""Whose pages may connect (PROTOCOL §1)."""

from __future__ import annotations

import pytest

from server.transport.websocket import Doorman

PUBLIC = Doorman(frozenset({"https://shop.example"}), local_only=False)
LOCAL = Doorman(frozenset({"https://shop.example"}), local_only=True)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "chat.example"),
        ("https://chat.example", "chat.example"),
        ("https://CHAT.example", "chat.EXAMPLE"),
        ("http://chat.example:8000", "chat.example:8000"),
        ("https://chat.example", "chat.example:443"),
        ("http://chat.example:80", "chat.example"),
        ("https://shop.example", "chat.example"),
        ("https://shop.example/", "chat.example"),
    ],
)
def test_the_own_origin_the_listed_ones_and_programs_may(origin: str | None, host: str) -> None:
    assert PUBLIC.allows(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "chat.example"),
        ("https://chat.example.evil.example", "chat.example"),
        ("http://chat.example:8001", "chat.example:8000"),
        ("null", "chat.example"),
        ("", "chat.example"),
        ("http://[::1", "chat.example"),
        ("http://[zz]", "[zz]"),
        ("http://chat.example:99999", "chat.example"),
        ("https://chat.example", None),
    ],
)
def test_others_may_not(origin: str, host: str | None) -> None:
    assert not PUBLIC.allows(origin, host)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_a_local_server_answers_to_the_loopback_names(name: str) -> None:
    assert LOCAL.allows(f"http://{name}:8000", f"{name}:8000")


def test_a_name_that_points_to_the_loopback_address_is_not_its_own() -> None:
    assert not LOCAL.allows("http://evil.example:8000", "evil.example:8000")
    assert LOCAL.allows("https://shop.example", "evil.example:8000")
