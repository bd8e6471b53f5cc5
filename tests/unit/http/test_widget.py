"""``/widget.js``: one small file that any page may load, and what pages are told about themselves."""

from __future__ import annotations

import gzip
import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from server.settings import load_settings
from server.tokens import Tokens
from server.transport.http.pages import WEB
from server.transport.http.widget import WORDS, widget_routes, widget_script
from server.transport.websocket import Doorman
from tests.support.node import node

PAGE = Path(__file__).resolve().parents[3] / "docs" / "widget.md"
SHOP = "https://shop.example"
MOST_BYTES = 25_000


@pytest.fixture
def client() -> TestClient:
    doorman = Doorman(frozenset({SHOP}), local_only=False)
    return TestClient(
        Starlette(routes=widget_routes(doorman.allows, guests_allowed=True)), base_url="https://chat.example"
    )


def test_it_is_small_on_the_wire_and_whole(client: TestClient, tmp_path: Path) -> None:
    with client.stream("GET", "/widget.js", headers={"accept-encoding": "gzip"}) as answer:
        served = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(served) < MOST_BYTES
    plain = client.get("/widget.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(served) == plain.content
    (tmp_path / "widget.cjs").write_bytes(plain.content)
    assert node("--check", "widget.cjs", cwd=tmp_path).returncode == 0


def test_any_page_may_load_it_and_keep_it_for_a_while(client: TestClient) -> None:
    answer = client.get("/widget.js", headers={"origin": "https://anybody.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "max-age=" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "accept-encoding"
    again = client.get("/widget.js", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/widget.js", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [(SHOP, True), ("https://chat.example", True), ("https://other.example", False), (None, True)],
)
def test_a_page_hears_whether_it_may_connect(client: TestClient, origin: str | None, allowed: bool) -> None:
    answer = client.get("/widget.json", headers={} if origin is None else {"origin": origin})
    assert answer.json()["allowed"] is allowed
    assert answer.json()["guests"] is True
    assert answer.headers["access-control-allow-origin"] == "*"


def test_every_language_says_everything_with_the_same_slots(client: TestClient) -> None:
    english = json.loads((WORDS / "en.json").read_text())
    source = (WEB / "static" / "widget" / "words.js").read_text()
    listed = json.loads(source.partition("LANGUAGES = ")[2].partition(";")[0])
    assert sorted(listed) == sorted(path.stem for path in WORDS.iterdir()) == ["ar", "de", "en", "es", "fr", "ja"]
    for language in listed:
        words = client.get(f"/widget/{language}.json").json()
        assert list(words) == list(english), language
        for name, text in words.items():
            forms = text if isinstance(text, dict) else {"other": text}
            assert "other" in forms
            for slot in ("{n}", "{name}"):
                wanted = slot in json.dumps(english[name])
                assert (slot in forms["other"]) is wanted, (language, name)
            assert text != english[name] or language == "en" or name in {"title", "message", "sources", "email"}, (
                language,
                name,
            )


@pytest.mark.parametrize("name", ["xx", "..%2fen", "en.json%00"])
def test_another_language_is_not_found(client: TestClient, name: str) -> None:
    assert client.get(f"/widget/{name}.json").status_code == 404


def test_the_words_that_are_said_are_those_that_there_are() -> None:
    said = "\n".join(path.read_text() for path in (WEB / "static" / "widget").glob("*.js"))
    for name in json.loads((WORDS / "en.json").read_text()):
        assert f'"{name}"' in said or f"{name}:" in said, f"nobody says {name}"


def test_the_page_about_it_names_every_attribute_and_call() -> None:
    page = PAGE.read_text()
    config = (WEB / "static" / "widget" / "config.js").read_text()
    names = set(re.findall(r"\bdata\.(\w+)|choice\(\"(\w+)\"", config))
    attributes = {re.sub(r"[A-Z]", lambda capital: f"-{capital[0].lower()}", one or other) for one, other in names}
    assert attributes == set(re.findall(r"^\| `data-([\w-]+)` \|", page, re.MULTILINE))
    assert len(attributes) > 15
    style = (WEB / "static" / "widget" / "style.css").read_text()
    assert set(re.findall(r"--parlance-[\w-]+", style)) == set(re.findall(r"--parlance-[\w-]+", page))


@pytest.mark.parametrize("language", ["python", "js"])
def test_tokens_made_as_the_page_says_are_believed(language: str, tmp_path: Path) -> None:
    secret = "s" * 40
    samples = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [sample] = [one for one in samples if "kind" in one]
    if language == "python":
        names: dict[str, Any] = {"PARLANCE_SECRET": secret}
        exec(sample, names)  # noqa: S102  (our own page's)
        token = names["chat_token"](SimpleNamespace(id=7, name="Mia Åberg"))
    else:
        (tmp_path / "token.mjs").write_text(f'{sample}\nconsole.log(chatToken({{ id: 7, name: "Mia Åberg" }}));\n')
        token = node("token.mjs", cwd=tmp_path, env={"PARLANCE_SECRET": secret}).stdout.strip()
    settings = load_settings({"secret": secret}, {}, tmp_path).settings
    claims = Tokens.from_settings(settings).verify(token, time.time())
    assert (claims.user.id, claims.user.kind, claims.user.name) == ("7", "customer", "Mia Åberg")


def test_it_is_made_once() -> None:
    assert widget_script() is widget_script()
