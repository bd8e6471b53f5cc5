"""The rules between settings: what a start is refused for, and what the sentence says."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import StartupError
from server.settings import Settings, load_settings

GOOD_SECRET = "s" * 32
OPEN = {"host": "0.0.0.0", "secret": GOOD_SECRET}  # noqa: S104


def load(cwd: Path, **flags: object) -> Settings:
    return load_settings(flags, {}, cwd).settings


def refusal(cwd: Path, **flags: object) -> str:
    with pytest.raises(StartupError) as caught:
        load(cwd, **flags)
    assert not (cwd / "data").exists(), "a refused start leaves nothing behind"
    return str(caught.value)


class TestBind:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1", "[::1]"])
    def test_a_local_bind_allows_guests(self, tmp_path: Path, host: str) -> None:
        settings = load(tmp_path, host=host)
        assert settings.is_local
        assert settings.guests_allowed
        assert settings.explain_shown

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "chat.example", "localhost.example"])  # noqa: S104
    def test_any_other_bind_needs_a_given_secret(self, tmp_path: Path, host: str) -> None:
        assert refusal(tmp_path, host=host).startswith(f"Other machines reach host {host}, and no secret was given")
        settings = load(tmp_path, host=host, secret=GOOD_SECRET)
        assert not settings.guests_allowed
        assert not settings.explain_shown

    def test_the_secret_made_before_is_no_given_one(self, tmp_path: Path) -> None:
        load(tmp_path)
        with pytest.raises(StartupError, match="no secret was given"):
            load(tmp_path, host="0.0.0.0")  # noqa: S104

    def test_a_short_secret_can_be_guessed(self, tmp_path: Path) -> None:
        sentence = refusal(tmp_path, **{**OPEN, "secret": "s" * 31})
        assert "the secret has 31 bytes: too short" in sentence
        assert "openssl rand -hex 32" in sentence

    def test_bytes_count_and_not_characters(self, tmp_path: Path) -> None:
        assert load(tmp_path, **{**OPEN, "secret": "é" * 16}).secret_bytes == ("é" * 16).encode()

    def test_guests_must_be_meant(self, tmp_path: Path) -> None:
        sentence = refusal(tmp_path, **OPEN, guests="true")
        assert "guests = true lets anybody in without a token" in sentence
        assert "allow_insecure_bind = true" in sentence

    @pytest.mark.parametrize("flags", [{}, {"secret": "short"}, {"secret": GOOD_SECRET, "guests": "true"}])
    def test_told_so_explicitly(self, tmp_path: Path, flags: dict[str, object]) -> None:
        settings = load(tmp_path, host="0.0.0.0", allow_insecure_bind=True, **flags)  # noqa: S104
        assert settings.secret_bytes
        assert settings.guests_allowed == (flags.get("guests") == "true")

    def test_a_short_secret_is_fine_where_nobody_else_reaches_it(self, tmp_path: Path) -> None:
        assert load(tmp_path, secret="short").secret_bytes == b"short"

    def test_explain_is_its_own_choice(self, tmp_path: Path) -> None:
        assert load(tmp_path, **OPEN, explain="true").explain_shown
        assert not load(tmp_path, explain="false").explain_shown


class TestBackEnds:
    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
    def test_postgresql_can_be_shared(self, tmp_path: Path, scheme: str) -> None:
        assert load(tmp_path, database_url=f"{scheme}://user:pa55@host/db").shares_database
        assert not load(tmp_path).shares_database

    def test_another_database_is_unknown(self, tmp_path: Path) -> None:
        sentence = refusal(tmp_path, database_url="mysql://user:pa55@host/db")
        assert sentence == (
            "database_url begins with 'mysql', which is no database that Parlance knows. Use sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME."
        )
        assert "Use sqlite:///FILE" in refusal(tmp_path, database_url="parlance.db")

    def test_sqlite_is_served(self, tmp_path: Path) -> None:
        assert load(tmp_path, database_url="sqlite:///x.db").effective_database_url == "sqlite:///x.db"

    def test_workers_need_redis_and_postgresql(self, tmp_path: Path) -> None:
        sentence = refusal(tmp_path, workers=2)
        assert sentence.startswith("2 workers need Redis (redis_url) and PostgreSQL (database_url).")

        both = {"redis_url": "redis://localhost", "database_url": "postgresql://localhost/db"}
        for missing in both:
            assert "workers need" in refusal(
                tmp_path, workers=2, **{name: url for name, url in both.items() if name != missing}
            )
        assert load(tmp_path, workers=2, **both).workers == 2


class TestTokens:
    def test_a_public_key_algorithm_needs_its_key(self, tmp_path: Path) -> None:
        assert "Set token_public_key_file to its PEM file" in refusal(tmp_path, token_algorithm="RS256")

    def test_a_public_key_has_no_use_with_a_secret(self, tmp_path: Path) -> None:
        assert "HS256 tokens are checked with the secret" in refusal(tmp_path, token_public_key_file="key.pem")

    def test_guests_need_tokens_that_the_server_signs(self, tmp_path: Path) -> None:
        outside = {"token_algorithm": "EdDSA", "token_public_key_file": "key.pem"}
        assert "exclude each other" in refusal(tmp_path, **outside, guests="true")
        settings = load(tmp_path, **outside)
        assert not settings.guests_allowed
        assert settings.secret_bytes == b"", "no secret is made where none is used"
        assert not settings.secret_path.exists()

    def test_no_secret_is_needed_then(self, tmp_path: Path) -> None:
        outside = {"token_algorithm": "RS256", "token_public_key_file": "key.pem"}
        assert not load(tmp_path, **outside, host="0.0.0.0").guests_allowed  # noqa: S104


def test_rules_can_be_left_to_the_caller(tmp_path: Path) -> None:
    loaded = load_settings({"workers": 2, "host": "0.0.0.0"}, {}, tmp_path, check=False, make=False)  # noqa: S104
    assert loaded.settings.workers == 2
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("chat.example", "http://chat.example:8000"),
    ],
)
def test_the_address_to_open(tmp_path: Path, host: str, url: str) -> None:
    assert load_settings({"host": host}, {}, tmp_path, check=False).settings.url == url


class TestLanguage:
    URL = "http://127.0.0.1:8080/v1"

    def test_the_built_in_writer_needs_nothing(self, tmp_path: Path) -> None:
        assert load(tmp_path).language_writer == "builtin"

    def test_a_model_server_needs_an_address_and_a_model(self, tmp_path: Path) -> None:
        assert "language_writer = openai needs language_url" in refusal(tmp_path, language_writer="openai")
        wrong = {"language_writer": "openai", "language_url": "localhost:8080"}
        assert "begins with http:// or https://" in refusal(tmp_path, **wrong)
        assert "needs language_model" in refusal(tmp_path, language_writer="openai", language_url=self.URL)
        assert (
            load(tmp_path, language_writer="openai", language_url=self.URL, language_model="m").language_key_file
            is None
        )

    def test_a_webhook_needs_a_secret(self, tmp_path: Path) -> None:
        hook = {"language_writer": "webhook", "language_url": self.URL}
        assert "needs a secret that signs" in refusal(tmp_path, **hook)
        load(tmp_path, **hook, language_key="s")

    def test_a_key_is_given_once(self, tmp_path: Path) -> None:
        assert "both set" in refusal(tmp_path, language_key="k", language_key_file="key")

    def test_a_key_is_never_shown(self, tmp_path: Path) -> None:
        assert "sk-123" not in repr(load(tmp_path, language_key="sk-123"))
