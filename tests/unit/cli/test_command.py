"""The command as a whole: help, version, manners, and a quick start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from server import __version__
from server.errors import StartupError
from server.settings import Settings
from tests.unit.cli.conftest import Command

COMMANDS = ("serve", "token", "doctor", "analyze", "version", "config", "experiment", "model")


class TestHelp:
    def test_it_names_every_command(self, parlance: Command) -> None:
        result = parlance("--help")
        assert result.exit_code == 0
        for name in COMMANDS:
            assert name in result.stdout

    @pytest.mark.parametrize("command", [*COMMANDS, "config explain", "experiment analyse", "model promote"])
    def test_every_command_explains_itself(self, parlance: Command, command: str) -> None:
        result = parlance(*command.split(), "-h")
        assert result.exit_code == 0
        assert f"Usage: parlance {command}" in result.stdout

    def test_serve_lists_its_flags(self, parlance: Command) -> None:
        text = parlance("serve", "--help").stdout
        for flag in ("--host", "--port", "--workers", "--data-dir", "--database-url", "--redis-url", "--config"):
            assert flag in text

    def test_without_a_command_it_shows_the_help(self, parlance: Command) -> None:
        result = parlance()
        assert result.exit_code == 2
        assert "Usage: parlance" in result.stdout


class TestVersion:
    def test_for_people(self, parlance: Command) -> None:
        assert parlance("version").stdout == f"parlance {__version__}\n"

    def test_for_programs(self, parlance: Command) -> None:
        found = json.loads(parlance("version", "--json").stdout)
        assert found["version"] == __version__
        assert found["python"].startswith("3.")


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("serv",), "No such command 'serv'. Did you mean 'serve'? `parlance --help` shows what is possible."),
            (("serve", "--prot", "1"), "No such option: --prot"),
            (("serve", "--port", "x"), "Invalid value for '--port'"),
            (("serve", "--port", "0"), "port = 0 (flag --port) is not valid: expected a whole number from 1 to 65535."),
            (("serve", "--workers", "2"), "2 workers need Redis (redis_url) and PostgreSQL (database_url)."),
            (("serve", "--host", "0.0.0.0"), "no secret was given"),  # noqa: S104
            (("serve", "--config", "no.toml"), "The settings file no.toml, named by --config, can't be read"),
            (("token", "--kind", "king", "--sub", "x"), "'king' is not one of 'customer', 'agent', 'admin', 'service'"),
            (("token", "--kind", "agent"), "Missing option '--sub'"),
            (("config", "explane"), "Did you mean 'explain'?"),
            (("version", "please"), "Got unexpected extra argument"),
        ],
    )
    def test_one_sentence_on_standard_error_and_exit_code_2(
        self, parlance: Command, arguments: tuple[str, ...], sentence: str
    ) -> None:
        result = parlance(*arguments)
        assert result.exit_code == 2
        assert sentence in result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""

    def test_an_unknown_variable(self, parlance: Command) -> None:
        result = parlance("config", "explain", PARLANCE_PROT="1")
        assert result.exit_code == 2
        assert result.stderr == ("Unknown setting PARLANCE_PROT in the environment. Did you mean PARLANCE_PORT?\n")


class Server(ModuleType):
    """Stands in for ``server.serving``, which listens until it is told to stop."""

    def __init__(self, outcome: int | StartupError) -> None:
        super().__init__("server.serving")
        self.settings: list[Settings] = []
        self._outcome = outcome

    def serve(self, settings: Settings) -> int:
        self.settings.append(settings)
        if isinstance(self._outcome, StartupError):
            raise self._outcome
        return self._outcome


class TestServe:
    def test_flags_arrive_as_settings(self, parlance: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        server = Server(0)
        monkeypatch.setitem(sys.modules, "server.serving", server)
        result = parlance("serve", "--port", "8123", "--data-dir", "kept", "--log-level", "debug")
        assert result.exit_code == 0, result.stderr
        [settings] = server.settings
        assert (settings.port, settings.data_dir, settings.log_level) == (8_123, folder / "kept", "debug")
        assert "http://127.0.0.1:8123" in result.stdout
        assert "guests may chat" in result.stdout

    def test_every_setting_has_a_variable(self, parlance: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        server = Server(0)
        monkeypatch.setitem(sys.modules, "server.serving", server)
        result = parlance("serve", PARLANCE_HOST="0.0.0.0", PARLANCE_SECRET="s" * 32)  # noqa: S104
        assert result.exit_code == 0, result.stderr
        assert "tokens required" in result.stdout
        assert "s" * 32 not in result.output

    @pytest.mark.parametrize("outcome", [0, 1, 7])
    def test_the_servers_exit_code_is_the_commands(
        self, parlance: Command, monkeypatch: pytest.MonkeyPatch, outcome: int
    ) -> None:
        monkeypatch.setitem(sys.modules, "server.serving", Server(outcome))
        assert parlance("serve").exit_code == outcome

    def test_a_refused_start_is_a_sentence(self, parlance: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        refused = StartupError("127.0.0.1 port 8000 is in use.", "Choose another with --port.")
        monkeypatch.setitem(sys.modules, "server.serving", Server(refused))
        result = parlance("serve")
        assert result.exit_code == 2
        assert result.stderr == "127.0.0.1 port 8000 is in use. Choose another with --port.\n"


def test_the_start_loads_nothing_heavy() -> None:
    """What takes long to import is imported by the command that needs it."""
    heavy = ("numpy", "scipy", "onnxruntime", "tokenizers", "sqlalchemy", "starlette", "uvicorn", "jwt", "structlog")
    script = f"import sys, server.cli.main; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "server.cli.main", "version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"parlance {__version__}\n", "")
