"""Sources, their precedence and origins, and the sentence for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import StartupError
from server.settings import Loaded, Settings, load_settings
from server.settings.load import setting_schemas


def write(folder: Path, text: str, name: str = "parlance.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problem(cwd: Path, flags: dict[str, object] | None = None, environ: dict[str, str] | None = None) -> StartupError:
    with pytest.raises(StartupError) as caught:
        load_settings(flags or {}, environ or {}, cwd)
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    return caught.value


class TestPrecedence:
    def test_defaults_alone(self, tmp_path: Path) -> None:
        loaded = load_settings({}, {"HOME": "/root"}, tmp_path)
        assert loaded.settings.port == 8_000
        assert {name for name, origin in loaded.origins.items() if origin != "default"} == {"secret"}
        assert loaded.origins.keys() == Settings.model_fields.keys()

    def test_each_source_beats_the_one_before(self, tmp_path: Path) -> None:
        write(tmp_path, 'port = 1001\nbot_name = "File"\nlog_level = "debug"\n')
        environ = {"PARLANCE_BOT_NAME": "Environment", "PARLANCE_LOG_LEVEL": "warning"}
        loaded = load_settings({"log_level": "error", "port": None}, environ, tmp_path)
        settings = loaded.settings
        assert (settings.port, settings.bot_name, settings.log_level) == (1001, "Environment", "error")
        assert loaded.origins["port"] == "file parlance.toml"
        assert loaded.origins["bot_name"] == "environment PARLANCE_BOT_NAME"
        assert loaded.origins["log_level"] == "flag --log-level"
        assert loaded.origins["host"] == "default"

    def test_the_file_is_named_by_flag_then_variable_then_folder(self, tmp_path: Path) -> None:
        write(tmp_path, "port = 1")
        write(tmp_path, "port = 2", "etc/two.toml")
        three = write(tmp_path, "port = 3", "etc/three.toml")
        environ = {"PARLANCE_CONFIG": "etc/two.toml"}
        by_flag = load_settings({"config": three}, environ, tmp_path)
        assert (by_flag.settings.port, by_flag.origins["port"]) == (3, "file etc/three.toml")
        assert load_settings({}, environ, tmp_path).settings.port == 2
        assert load_settings({}, {}, tmp_path).settings.port == 1

    def test_a_file_elsewhere_is_named_in_full(self, tmp_path: Path) -> None:
        path = write(tmp_path / "etc", "port = 5")
        (tmp_path / "work").mkdir()
        loaded = load_settings({"config": str(path)}, {}, tmp_path / "work")
        assert loaded.origins["port"] == f"file {path}"

    def test_an_empty_variable_is_not_set(self, tmp_path: Path) -> None:
        loaded = load_settings({}, {"PARLANCE_PORT": "", "PARLANCE_CONFIG": "", "PARLANCE_REDIS_URL": ""}, tmp_path)
        assert (loaded.settings.port, loaded.origins["port"]) == (8_000, "default")


class TestValues:
    def test_every_type_of_a_file(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            "compression = true\ngroup_commit_wait_ms = 1\npolicy_alpha = 0.5\nguests = false\nexplain = 'true'\n"
            "allowed_origins = ['https://Shop.example', 'http://localhost:3000', 'app://[::1]:1']\n"
            "model_dir = 'models/mine'\npersonas_file = ''\n[reward_weights]\nfeedback = 2\nthanks = 0.5\n",
        )
        settings = load_settings({}, {}, tmp_path).settings
        assert settings.compression is True
        assert (settings.group_commit_wait_ms, settings.policy_alpha) == (1.0, 0.5)
        assert (settings.guests, settings.explain) == ("false", "true")
        assert settings.allowed_origins == ("https://shop.example", "http://localhost:3000", "app://[::1]:1")
        assert settings.reward_weights == {"feedback": 2.0, "thanks": 0.5}
        assert settings.model_dir == tmp_path / "models/mine"
        assert settings.personas_file is None

    @pytest.mark.parametrize(
        ("variable", "text", "value"),
        [
            ("PORT", "9000", 9_000),
            ("COMPRESSION", "true", True),
            ("COMPRESSION", "0", False),
            ("POLICY_FLOOR", ".01", 0.01),
            ("GUESTS", "false", "false"),
            ("ALLOWED_ORIGINS", "https://a.example, https://b.example", ("https://a.example", "https://b.example")),
            ("ALLOWED_ORIGINS", '["https://a.example"]', ("https://a.example",)),
            ("REWARD_WEIGHTS", "feedback=1, thanks = .5", {"feedback": 1.0, "thanks": 0.5}),
            ("REWARD_WEIGHTS", '{"feedback": 1}', {"feedback": 1.0}),
        ],
    )
    def test_every_type_of_a_variable(self, tmp_path: Path, variable: str, text: str, value: object) -> None:
        settings = load_settings({}, {f"PARLANCE_{variable}": text}, tmp_path).settings
        assert getattr(settings, variable.lower()) == value

    def test_paths_are_meant_from_the_folder_of_the_start(self, tmp_path: Path) -> None:
        assert load_settings({}, {}, tmp_path).settings.data_dir == tmp_path / "data"
        assert load_settings({"data_dir": "other"}, {}, tmp_path).settings.data_dir == tmp_path / "other"
        absolute = tmp_path / "abs"
        assert load_settings({"data_dir": absolute}, {}, tmp_path / "x").settings.data_dir == absolute

    def test_the_database_is_in_the_data_directory_unless_named(self, tmp_path: Path) -> None:
        settings = load_settings({}, {}, tmp_path).settings
        assert settings.effective_database_url == f"sqlite:///{tmp_path}/data/parlance.db"
        named = load_settings({"database_url": "sqlite:////var/x.db"}, {}, tmp_path).settings
        assert named.effective_database_url == "sqlite:////var/x.db"

    def test_settings_are_frozen(self, tmp_path: Path) -> None:
        settings = load_settings({}, {}, tmp_path).settings
        with pytest.raises(ValueError, match="frozen"):
            settings.port = 1

    def test_packaged_files_unless_named(self, tmp_path: Path) -> None:
        settings = load_settings({}, {}, tmp_path).settings
        assert settings.model_path.parts[-2:] == ("models_onnx", "nlu")
        assert settings.personas_path.parts[-2:] == ("adapters", "personas.yaml")
        assert settings.mood_path.parts[-2:] == ("adapters", "mood.yaml")
        assert settings.phrases_path.parts[-2:] == ("writer", "phrases")
        named = load_settings({"model_dir": "m", "personas_file": "p", "phrases_dir": "q"}, {}, tmp_path).settings
        assert (named.model_path, named.personas_path) == (tmp_path / "m", tmp_path / "p")
        assert named.phrases_path == tmp_path / "q"
        assert load_settings({"mood_file": "r"}, {}, tmp_path).settings.mood_path == tmp_path / "r"


class TestMistakes:
    @pytest.mark.parametrize(
        ("name", "nearest"),
        [("prot", "port"), ("data-dir", "data_dir"), ("outbox_bytes", "outbox_max_bytes"), ("Port", "port")],
    )
    def test_an_unknown_key_suggests_the_nearest(self, tmp_path: Path, name: str, nearest: str) -> None:
        write(tmp_path, f'"{name}" = 1')
        error = problem(tmp_path)
        assert error.problem == f"Unknown setting {name} in file parlance.toml."
        assert error.remedy == f"Did you mean {nearest}?"

    def test_an_unknown_variable_suggests_the_nearest(self, tmp_path: Path) -> None:
        error = problem(tmp_path, environ={"PARLANCE_SECRETS": "x"})
        assert str(error) == "Unknown setting PARLANCE_SECRETS in the environment. Did you mean PARLANCE_SECRET?"
        assert "PARLANCE_CONFIG" in str(problem(tmp_path, environ={"PARLANCE_CONFIGS": "x"}))

    def test_nothing_near_points_to_the_list(self, tmp_path: Path) -> None:
        write(tmp_path, "xylophone_tuning = 1")
        assert "parlance config explain" in problem(tmp_path).remedy

    def test_a_table_is_an_unknown_key_too(self, tmp_path: Path) -> None:
        write(tmp_path, "[server]\nport = 1")
        assert problem(tmp_path).problem == "Unknown setting server in file parlance.toml."

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ('port = "eighty"', "a whole number from 1 to 65535"),
            ("port = 0", "a whole number from 1 to 65535"),
            ("port = true", "a whole number from 1 to 65535"),
            ("port = 80.5", "a whole number from 1 to 65535"),
            ("compression = 1", "true or false"),
            ('group_commit_wait_ms = "1"', "a number from 0 to 2"),
            ("policy_alpha = nan", "a number from 0 to 100"),
            ("policy_alpha = inf", "a number from 0 to 100"),
            ('log_level = "loud"', "one of debug, info, warning, error"),
            ('guests = "maybe"', "one of auto, true, false"),
            ("data_dir = 7", "a path"),
            ('host = "http://x"', "a text (an address or a name alone, such as 127.0.0.1, without http:// and port)"),
            ('bot_name = ""', "a text of 1 to 200 characters"),
            ("bot_name = 1979-05-27", "a text of 1 to 200 characters"),
            ('allowed_origins = "https://a.example"', "a list of texts"),
            ("reward_weights = { feedback = -1 }", "a table of numbers that are not negative"),
            ('reward_weights = { feedback = "much" }', "a table of numbers that are not negative"),
            ("reward_weights = { feedback = true }", "a table of numbers that are not negative (each weight"),
        ],
    )
    def test_a_wrong_value_in_a_file(self, tmp_path: Path, line: str, expected: str) -> None:
        write(tmp_path, line)
        sentence = problem(tmp_path).problem
        assert sentence.startswith(f"{line.partition(' ')[0]} = ")
        assert f"(file parlance.toml) is not valid: expected {expected}" in sentence

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("port", "eighty", 'port = "eighty" (environment PARLANCE_PORT) is not valid: expected a whole number'),
            ("compression", "maybe", "expected true or false"),
            ("reward_weights", "feedback", "expected a table of numbers"),
            ("reward_weights", "{", "expected a table of numbers"),
            ("allowed_origins", "https://a.example/path", "not 'https://a.example/path'"),
            ("allowed_origins", "*", "each origin is scheme://host"),
        ],
    )
    def test_a_wrong_value_in_the_environment(self, tmp_path: Path, name: str, text: str, expected: str) -> None:
        assert expected in problem(tmp_path, environ={f"PARLANCE_{name.upper()}": text}).problem

    def test_a_wrong_flag(self, tmp_path: Path) -> None:
        sentence = problem(tmp_path, flags={"port": 70_000}).problem
        assert sentence == "port = 70000 (flag --port) is not valid: expected a whole number from 1 to 65535."

    def test_a_secret_is_never_shown(self, tmp_path: Path) -> None:
        write(tmp_path, "secret = 123454321\n")
        assert "123454321" not in str(problem(tmp_path))
        write(tmp_path, "")
        settings = load_settings({"secret": "hunter2" * 6}, {}, tmp_path).settings
        assert "hunter2" not in repr(settings)
        assert "hunter2" not in str(settings)

    def test_a_long_value_is_cut(self, tmp_path: Path) -> None:
        assert len(problem(tmp_path, flags={"bot_name": "x" * 9_999}).problem) < 200


class TestFiles:
    def test_a_named_file_must_exist(self, tmp_path: Path) -> None:
        error = problem(tmp_path, flags={"config": "nope.toml"})
        assert error.problem.startswith("The settings file nope.toml, named by --config, can't be read: No such file")
        error = problem(tmp_path, environ={"PARLANCE_CONFIG": "nope.toml"})
        assert "named by PARLANCE_CONFIG" in error.problem

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        assert "Is a directory" in problem(tmp_path, flags={"config": str(tmp_path)}).problem

    def test_broken_toml_names_the_line(self, tmp_path: Path) -> None:
        write(tmp_path, "port = 1\nhost = \n")
        assert "parlance.toml is not TOML: Invalid value (at line 2" in problem(tmp_path).problem

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "parlance.toml").write_bytes(b"\xff\xfe")
        assert problem(tmp_path).problem == "The settings file parlance.toml is not UTF-8."


def test_every_setting_has_a_meaning_and_says_its_unit() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", ")")), name
        extra = field.json_schema_extra
        assert isinstance(extra, dict), name
        for suffix, unit in (("_ms", "ms"), ("_s", "s"), ("_bytes", "bytes")):
            if name.endswith(suffix):
                assert extra["unit"] == unit, name
    assert setting_schemas().keys() == Settings.model_fields.keys()


def test_loaded_is_a_value(tmp_path: Path) -> None:
    first, again = (load_settings({}, {}, tmp_path) for _ in range(2))
    assert isinstance(first, Loaded)
    assert first.settings == again.settings
