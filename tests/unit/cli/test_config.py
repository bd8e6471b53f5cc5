"""``parlance config explain``, and the page of the docs that is made of the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.rewards import PARTS
from server.cli.config import masked_url
from server.settings import Settings
from tests.unit.cli.conftest import Command

DOCS = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


def rows(parlance: Command, *arguments: str, **environ: str) -> dict[str, dict[str, Any]]:
    result = parlance("config", "explain", "--json", *arguments, **environ)
    assert result.exit_code == 0, result.stderr
    return {row["setting"]: row for row in json.loads(result.stdout)}


def test_every_setting_with_value_origin_unit_and_meaning(parlance: Command, folder: Path) -> None:
    (folder / "parlance.toml").write_text("port = 9001\n[reward_weights]\nfeedback = 2\n")
    found = rows(parlance, "--data-dir", "kept", PARLANCE_BOT_NAME="Bo")
    assert list(found) == list(Settings.model_fields)
    assert (found["port"]["value"], found["port"]["origin"]) == (9_001, "file parlance.toml")
    assert (found["bot_name"]["value"], found["bot_name"]["origin"]) == ("Bo", "environment PARLANCE_BOT_NAME")
    assert (found["data_dir"]["value"], found["data_dir"]["origin"]) == (str(folder / "kept"), "flag --data-dir")
    assert found["reward_weights"]["value"] == {"feedback": 2.0}
    assert (found["drain_ms"]["unit"], found["drain_ms"]["origin"]) == ("ms", "default")
    assert found["drain_ms"]["variable"] == "PARLANCE_DRAIN_MS"
    assert all(row["meaning"] for row in found.values())


def test_what_empty_and_auto_come_to(parlance: Command, folder: Path) -> None:
    found = rows(parlance)
    assert (found["guests"]["value"], found["guests"]["effective"]) == ("auto", True)
    assert found["database_url"]["effective"] == f"sqlite:///{folder}/data/parlance.db"
    assert found["model_dir"]["effective"].endswith("models_onnx/nlu")
    assert rows(parlance, PARLANCE_HOST="10.0.0.1")["guests"]["effective"] is False


def test_looking_writes_nothing(parlance: Command, folder: Path) -> None:
    rows(parlance)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_secrets_are_masked(parlance: Command, form: tuple[str, ...]) -> None:
    environ = {
        "PARLANCE_SECRET": "hunter2-" * 5,
        "PARLANCE_DATABASE_URL": "postgresql://bob:hunter2@db/parlance?password=hunter2",
        "PARLANCE_REDIS_URL": "redis://:hunter2@redis:6379/0",
    }
    result = parlance("config", "explain", *form, **environ)
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    assert "********" in result.stdout


def test_a_made_secret_says_where_it_is(parlance: Command) -> None:
    parlance("token", "--kind", "agent", "--sub", "ann")
    secret = rows(parlance)["secret"]
    assert (secret["value"], secret["origin"]) == ("********", "made (data/secret)")


def test_the_table_shows_them_all(parlance: Command) -> None:
    text = parlance("config", "explain", PARLANCE_ALLOWED_ORIGINS="https://shop.example").stdout
    for name in Settings.model_fields:
        assert name in text
    assert "auto → true" in text
    assert "https://shop.example" in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
        ("redis://cache:6379", "redis://cache:6379"),
        ("redis://:pw@cache", "redis://:********@cache"),
        ("postgresql://u:p%40w@db/x", "postgresql://u:********@db/x"),
        ("postgresql://u@db/x?password=pw", "postgresql://u@db/x?********"),
        ("http://[bad", "********"),
    ],
)
def test_urls_lose_their_passwords(url: str, shown: str) -> None:
    assert masked_url(url) == shown


def test_the_reward_parts_are_the_adapters_own() -> None:
    meaning = Settings.model_fields["reward_weights"].description or ""
    assert all(part in meaning for part in PARTS)


def test_the_page_of_the_docs_is_up_to_date(parlance: Command) -> None:
    made = parlance("config", "explain", "--markdown", PARLANCE_PORT="1")
    assert made.exit_code == 0
    assert made.stdout == DOCS.read_text(encoding="utf-8"), "parlance config explain --markdown > docs/settings.md"
