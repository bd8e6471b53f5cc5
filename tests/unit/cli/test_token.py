"""``parlance token``: what it prints is what the server on the same data directory accepts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.cli.token import parse_ttl_s
from server.clock import SystemClock
from server.errors import StartupError
from server.settings import load_settings
from server.tokens import Claims, Tokens
from tests.unit.cli.conftest import Command


def accepted(token: str, cwd: Path, **flags: object) -> Claims:
    settings = load_settings(flags, {}, cwd).settings
    return Tokens.from_settings(settings).verify(token, SystemClock().now_ms() / 1_000)


def test_it_prints_the_token_alone(parlance: Command, folder: Path) -> None:
    result = parlance("token", "--kind", "agent", "--sub", "ann", "--name", "Ann")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    user = accepted(result.stdout.strip(), folder).user
    assert (user.id, user.kind, user.name) == ("ann", "agent", "Ann")


def test_the_data_directory_decides_the_key(parlance: Command, folder: Path) -> None:
    made = parlance("token", "--kind", "admin", "--sub", "root", "--data-dir", "other").stdout.strip()
    assert accepted(made, folder, data_dir="other").user.kind == "admin"
    with pytest.raises(Exception, match="signature is wrong"):
        accepted(made, folder)


def test_a_given_secret_decides_too(parlance: Command, folder: Path) -> None:
    made = parlance("token", "--kind", "service", "--sub", "crm", PARLANCE_SECRET="k" * 40).stdout.strip()
    assert accepted(made, folder, secret="k" * 40).user.name == "crm"
    assert not (folder / "data").exists()


def test_it_works_with_the_settings_of_an_open_server(parlance: Command, folder: Path) -> None:
    (folder / "parlance.toml").write_text('host = "0.0.0.0"\nsecret = "short"\n')
    assert parlance("token", "--kind", "agent", "--sub", "ann").exit_code == 0


def test_for_programs(parlance: Command) -> None:
    before_ms = SystemClock().now_ms()
    found = json.loads(parlance("token", "--kind", "customer", "--sub", "c1", "--ttl", "2d", "--json").stdout)
    assert found["user"] == {"id": "c1", "kind": "customer", "name": "c1"}
    assert found["token"].count(".") == 2
    assert abs(found["exp_ms"] - before_ms - 2 * 86_400_000) < 60_000


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("--sub", ""), "The token has no sub claim. Correct --sub or --name."),
    (("--sub", "x" * 129), "The token's sub claim is longer than 128 characters."),
    (("--sub", "x", "--name", "a\nb"), "The token's name claim has control characters."),
    (("--sub", "x", "--ttl", "soon"), "--ttl soon is no time. Write it as 90s, 30m, 1h, 1d12h or 2w."),
    (("--sub", "x", "--ttl", "0"), "--ttl 0 is not between 1 second and ten years."),
])  # fmt: skip
def test_what_would_not_be_accepted_is_not_printed(
    parlance: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    result = parlance("token", "--kind", "customer", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_tokens_of_another_system_are_made_there(parlance: Command, folder: Path) -> None:
    (folder / "key.pem").write_text("no key")
    environ = {"PARLANCE_TOKEN_ALGORITHM": "RS256", "PARLANCE_TOKEN_PUBLIC_KEY_FILE": "key.pem"}
    result = parlance("token", "--kind", "agent", "--sub", "ann", **environ)
    assert result.exit_code == 2
    assert "The key for RS256 tokens does not fit" in result.stderr
    missing = {**environ, "PARLANCE_TOKEN_PUBLIC_KEY_FILE": "gone.pem"}
    assert "gone.pem can't be read" in parlance("token", "--kind", "agent", "--sub", "ann", **missing).stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1_800),
        ("1h", 3_600),
        ("1d12h", 129_600),
        ("2w", 1_209_600),
        ("45", 45),
        ("3650d", 315_360_000),
    ],
)
def test_times(text: str, seconds: int) -> None:
    assert parse_ttl_s(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1.5h", "1 h", "1y", "3651d", "0s", "9" * 50, "1h!", "١h"])
def test_no_times(text: str) -> None:
    with pytest.raises(StartupError, match="--ttl"):
        parse_ttl_s(text)
