"""``parlance model``: exit codes, sentences and what programs read, on packs of a few kilobytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.unit.cli.conftest import Command
from tests.unit.registry.support import spoil, write_pack

WORSE = {"emotions_macro_f1": 0.55}
PER_CLASS = {"act": {"deny": {"precision": 0.5, "recall": 0.25, "f1": 0.3333, "rows": 12}}}


class Registry:
    """``parlance model …`` on a folder where nlu-7.0.0 answers by the settings."""

    def __init__(self, parlance: Command, folder: Path) -> None:
        self._parlance = parlance
        self.folder = folder / "models"
        self.packs = folder / "packs"
        self.environ = {
            "PARLANCE_MODEL_DIR": str(write_pack(folder / "own", "7.0.0")),
            "PARLANCE_MODELS_DIR": str(self.folder),
        }

    def __call__(self, *arguments: str | Path) -> Result:
        return self._parlance("model", *map(str, arguments), **self.environ)

    def told(self, *arguments: str | Path, code: int = 0) -> Any:
        result = self(*arguments, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def add(self, version: str, **more: Any) -> Path:
        """The folder of the version that is there then."""
        found = self.told("add", write_pack(self.packs / version, version, **more))
        return Path(found["folder"])


@pytest.fixture
def registry(parlance: Command, folder: Path) -> Registry:
    return Registry(parlance, folder)


class TestList:
    def test_what_ships(self, parlance: Command, folder: Path) -> None:
        result = parlance("model", "list")
        assert result.exit_code == 0, result.output
        assert "champion" in result.stdout and "shipped" in result.stdout
        assert list(folder.iterdir()) == []

    def test_roles_and_figures(self, registry: Registry) -> None:
        for version in ("7.1.0", "7.2.0", "7.3.0"):
            registry.add(version)
        registry("promote", "nlu-7.1.0")
        registry("canary", "nlu-7.2.0", "--share", "0.125")
        registry("shadow", "nlu-7.3.0")
        lines = {line.split()[1]: line for line in registry("list").stdout.splitlines() if "nlu-7" in line}
        for version, role in {
            "nlu-7.0.0": "previous", "nlu-7.1.0": "champion", "nlu-7.2.0": "canary 12.5 %", "nlu-7.3.0": "shadow",
        }.items():  # fmt: skip
            assert f" {role} " in lines[version]
        assert all(figure in lines["nlu-7.1.0"] for figure in ("added", "0.9700", "0.6000", "2.00"))

    def test_for_programs(self, registry: Registry) -> None:
        registry.add("7.1.0")
        registry("canary", "nlu-7.1.0", "--share", "0.25")
        told = registry.told("list")
        assert told["deployment"] == {
            "champion": "nlu-7.0.0", "promoted": False, "shadow": None,
            "canary": {"version": "nlu-7.1.0", "share": 0.25}, "previous": [], "revision": 1,
        }  # fmt: skip
        rows = {row["version"]: row for row in told["versions"]}
        assert rows["nlu-7.1.0"]["share"] == 0.25
        assert rows["nlu-7.1.0"]["metrics"]["clinc150_in_scope_accuracy"] == 0.97
        assert rows["nlu-7.1.0"]["latency_p50_ms"] == {"16": 2.0}
        assert rows["nlu-7.1.0"]["bytes"] > 1_000
        assert told["broken"] == {}

    def test_a_broken_one_that_nobody_needs(self, registry: Registry) -> None:
        spoil(registry.add("7.1.0"))
        result = registry("list")
        assert result.exit_code == 0
        assert "broken: nlu-7.1.0: " in result.stdout and "has the wrong digest" in result.stdout

    def test_a_broken_one_that_is_needed_exits_with_1(self, registry: Registry) -> None:
        folder = registry.add("7.1.0")
        registry("promote", "nlu-7.1.0")
        spoil(folder)
        result = registry("list")
        assert (result.exit_code, "broken: nlu-7.1.0, the champion: " in result.stdout) == (1, True), result.output
        shutil.rmtree(folder)
        assert "is not in" in registry.told("list", code=1)["broken"]["nlu-7.1.0"]

    def test_a_broken_deployment(self, registry: Registry) -> None:
        registry.folder.mkdir()
        (registry.folder / "deployment.json").write_text("{")
        for arguments in (("list",), ("show", "nlu-7.0.0"), ("promote", "nlu-7.0.0"), ("rollback",)):
            result = registry(*arguments)
            assert result.exit_code == 2
            assert f"{registry.folder / 'deployment.json'} can't be used" in result.stderr
            assert "Mend it, or remove it" in result.stderr


class TestRemove:
    def test_exit_codes(self, registry: Registry) -> None:
        registry.add("7.1.0")
        registry.add("7.2.0")
        registry("promote", "nlu-7.1.0")
        registry("promote", "nlu-7.2.0")
        assert registry("remove", "nlu-7.2.0").exit_code == 2
        refused = registry("remove", "nlu-7.1.0")
        assert (refused.exit_code, "may go back to it" in refused.stderr) == (1, True)
        assert registry.told("remove", "nlu-7.1.0", "--force")["deployment"]["previous"] == [None]
        assert registry("remove", "nlu-7.1.0").exit_code == 2


class TestShow:
    def test_where_it_comes_from_and_what_it_can(self, registry: Registry) -> None:
        data = [{"name": "clinc150", "source": "github.com/clinc/oos-eval", "licence": "CC BY 3.0", "rows_train": 9}]
        made_by = {"command": "python -m models_onnx.build [--fast]"}
        registry.add("7.1.0", metrics=WORSE, per_class=PER_CLASS, data=data, made_by=made_by)
        registry("promote", "nlu-7.1.0", "--force")
        registry("rollback")
        text = registry("show", "nlu-7.1.0").stdout
        for said in (
            f"from {registry.packs / '7.1.0'}", "parent", "nlu-7.0.0",
            "python -m models_onnx.build [--fast]", "CC BY 3.0", "promote nlu-7.1.0 --force",
            "overruled: emotions_macro_f1: 0.55, the champion has 0.6", "rollback", "act, label by label",
        ):  # fmt: skip
            assert said in text, said
        lines = {line.split()[1]: line.split() for line in text.splitlines() if line.startswith("│")}
        assert lines["emotions_macro_f1"][3::2] == ["0.55", "–", "0.6", "-0.0500"]
        assert lines["clinc150_in_scope_accuracy"][3::2][:2] == ["0.97", "–"]
        assert lines["deny"][3::2] == ["0.5", "0.25", "0.3333", "12", "–"]

    def test_the_champion_stands_alone(self, registry: Registry) -> None:
        result = registry("show", "nlu-7.0.0")
        assert result.exit_code == 0
        assert "Difference" not in result.stdout and "label by label" not in result.stdout

    def test_many_labels_are_cut_to_the_worst(self, registry: Registry) -> None:
        labels = {f"intent_{n}": {"precision": 1, "recall": 1, "f1": n / 100, "rows": 1} for n in range(40)}
        registry.add("7.1.0", per_class={"intent": labels})
        short, full = (registry("show", "nlu-7.1.0", *flags).stdout for flags in ((), ("--all",)))
        assert ("intent_14 " in short, "intent_15 " in short, "intent_39 " in full) == (True, False, True)
        assert "The 15 with the lowest F1 of 40; --all shows every one." in short

    def test_for_programs(self, registry: Registry) -> None:
        registry.add("7.1.0", per_class=PER_CLASS)
        told = registry.told("show", "nlu-7.1.0")
        assert told["manifest"]["per_class"] == PER_CLASS
        assert told["lineage"]["parent"] == "nlu-7.0.0"
        assert (told["role"], told["history"]) == (None, [])
        assert told["champion"]["version"] == "nlu-7.0.0"
        assert told["champion"]["metrics"]["int8"]["emotions_macro_f1"] == 0.6

    def test_its_history_alone(self, registry: Registry) -> None:
        registry.add("7.1.0")
        registry.add("7.2.0")
        registry("shadow", "nlu-7.2.0")
        registry("promote", "nlu-7.1.0")
        registry("canary", "nlu-7.2.0")
        told = {name: registry.told("show", name)["history"] for name in ("nlu-7.0.0", "nlu-7.1.0", "nlu-7.2.0")}
        assert [change["action"] for change in told["nlu-7.0.0"]] == ["promote nlu-7.1.0"]
        assert [(change["action"], change["role"]) for change in told["nlu-7.1.0"]] == [
            ("promote nlu-7.1.0", "champion")
        ]
        assert [(change["action"], change["role"]) for change in told["nlu-7.2.0"]] == [
            ("shadow nlu-7.2.0", "shadow"), ("canary nlu-7.2.0 --share 0.1", "canary"),
        ]  # fmt: skip

    def test_an_unknown_one(self, registry: Registry) -> None:
        result = registry("show", "nlu-7.0")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "There is no version nlu-7.0. Did you mean nlu-7.0.0?\n"


class TestAdd:
    def test_it_says_what_comes_next(self, registry: Registry) -> None:
        result = registry("add", write_pack(registry.packs / "x", "7.1.0"))
        assert result.exit_code == 0, result.output
        target = registry.folder / "nlu-7.1.0"
        assert result.stdout == f"nlu-7.1.0 is in {target}. Next: `parlance model shadow nlu-7.1.0`.\n"

    def test_a_broken_pack(self, registry: Registry) -> None:
        source = write_pack(registry.packs / "x", "7.1.0")
        spoil(source)
        result = registry("add", source)
        assert (result.exit_code, "has the wrong digest" in result.stderr) == (2, True)
        assert not registry.folder.exists()

    def test_the_default_folder_is_in_the_data_directory(self, parlance: Command, folder: Path) -> None:
        source = write_pack(folder / "x", "9.1.0")
        assert parlance("model", "add", str(source), PARLANCE_DATA_DIR="mine").exit_code == 0
        assert (folder / "mine" / "models" / "nlu-9.1.0" / "lineage.json").is_file()


class TestRollOut:
    def test_shadow_canary_promote_rollback(self, registry: Registry) -> None:
        registry.add("7.1.0")
        steps = {
            "shadow nlu-7.1.0": "nlu-7.0.0 is the champion, nlu-7.1.0 runs as shadow.",
            "canary nlu-7.1.0 --share 0.1": "nlu-7.0.0 is the champion, nlu-7.1.0 answers 10 % of the conversations.",
            "canary --off": "nlu-7.0.0 is the champion.",
            "promote nlu-7.1.0": "nlu-7.1.0 is the champion.",
            "rollback": "nlu-7.0.0 is the champion.",
        }
        for arguments, said in steps.items():
            result = registry(*arguments.split())
            assert (result.exit_code, result.stderr) == (0, ""), result.output
            assert result.stdout == f"{said} Running servers follow within 2 seconds.\n"

    def test_twice_is_no_mistake(self, registry: Registry) -> None:
        registry.add("7.1.0")
        first, second = (registry.told("promote", "nlu-7.1.0")["deployment"] for _ in range(2))
        assert first == second
        assert (first["revision"], first["promoted"]) == (1, True)

    @pytest.mark.parametrize("command", ["promote", "canary"])
    def test_the_gate_exits_with_1(self, registry: Registry, command: str) -> None:
        registry.add("7.1.0", metrics=WORSE)
        result = registry(command, "nlu-7.1.0")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.splitlines() == [
            "nlu-7.1.0 is worse than the champion nlu-7.0.0 by more than 0.01:",
            "  emotions_macro_f1: 0.55, the champion has 0.6",
            "Train it better, allow more with --tolerance, or overrule the gate with --force.",
        ]
        told = registry.told(command, "nlu-7.1.0", code=1)
        assert told["regressions"] == [{"metric": "emotions_macro_f1", "champion": 0.6, "candidate": 0.55}]
        assert registry.told("list")["deployment"]["revision"] == 0

    def test_tolerance_and_force(self, registry: Registry) -> None:
        registry.add("7.1.0", metrics=WORSE)
        assert registry.told("canary", "nlu-7.1.0", "--tolerance", "0.06")["forced"] == []
        forced = registry("promote", "nlu-7.1.0", "--force")
        assert forced.exit_code == 0
        assert forced.stderr == "Overruled: emotions_macro_f1: 0.55, the champion has 0.6\n"

    @pytest.mark.parametrize("command", ["promote", "canary", "shadow"])
    def test_a_broken_pack_exits_with_2(self, registry: Registry, command: str) -> None:
        spoil(registry.add("7.1.0"))
        result = registry(command, "nlu-7.1.0")
        assert (result.exit_code, "nlu-7.1.0 is broken: " in result.stderr) == (2, True)
        assert "pack the model again" in result.stderr

    @pytest.mark.parametrize(("arguments", "said"), [
        ("shadow", "Which version? Give either: `parlance model shadow VERSION`, or --off."),
        ("canary nlu-7.1.0 --off", "VERSION and --off exclude each other."),
        ("canary nlu-7.1.0 --share 0", "0 is no share of the conversations."),
        ("canary nlu-7.1.0 --share 10", "10 is no share of the conversations."),
        ("canary nlu-7.0.0", "nlu-7.0.0 is the champion: it answers already."),
        ("promote nlu-7.1.1", "There is no version nlu-7.1.1. Did you mean nlu-7.1.0?"),
        ("promote nlu-7.1.0 --tolerance -1", "Invalid value for '--tolerance'"),
        ("rollback", "There is no champion before this one."),
    ])  # fmt: skip
    def test_mistakes_exit_with_2(self, registry: Registry, arguments: str, said: str) -> None:
        registry.add("7.1.0")
        result = registry(*arguments.split())
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr


class TestOwnIntents:
    @pytest.fixture
    def own(self, registry: Registry, folder: Path) -> Path:
        """A trained file of the champion nlu-7.0.0, named by the settings."""
        path = folder / "intents.npz"
        registry.environ["PARLANCE_INTENTS"] = str(path)
        trained_on(Path(registry.environ["PARLANCE_MODEL_DIR"]), path)
        return path

    def test_they_must_fit_the_candidate(self, registry: Registry, own: Path) -> None:
        target = registry.add("7.1.0")
        result = registry("promote", "nlu-7.1.0", "--force")
        assert result.exit_code == 1
        assert "were trained on the embedding of nlu-7.0.0, not of nlu-7.1.0." in result.stderr
        assert f"`parlance intents train FOLDER --model {target} --out FILE`" in result.stderr
        assert registry.told("promote", "nlu-7.1.0", code=1)["regressions"] == []
        trained_on(target, own)
        assert registry("promote", "nlu-7.1.0").exit_code == 0

    def test_a_canary_on_another_embedding_and_they_exclude_each_other(
        self, registry: Registry, own: Path, parlance: Command
    ) -> None:
        target, trained = registry.add("7.1.0"), own.with_name("trained.npz")
        result = registry("canary", "nlu-7.1.0", "--force")
        assert result.exit_code == 1
        assert "Only one version can read them, so no other can be a canary." in result.stderr
        own.rename(trained)
        environ = dict(registry.environ)
        del registry.environ["PARLANCE_INTENTS"]
        registry.told("canary", "nlu-7.1.0")  # before there were any intents
        result = parlance("intents", "activate", str(trained), **environ)
        assert (result.exit_code, own.exists()) == (2, False)
        assert "nlu-7.1.0 is the canary, and these intents were trained on the embedding of nlu-7.0.0" in result.stderr
        registry.told("canary", "--off")
        assert parlance("intents", "activate", str(trained), **environ).exit_code == 0
        assert own.read_bytes() == trained.read_bytes()
        trained_on(target, own)  # nor may a file of the candidate's come first
        registry.environ.update(environ)
        assert registry("canary", "nlu-7.1.0").exit_code == 1

    def test_going_back_warns(self, registry: Registry, own: Path) -> None:
        trained_on(registry.add("7.1.0"), own)
        registry("promote", "nlu-7.1.0")
        result = registry("rollback")
        assert (result.exit_code, "nlu-7.0.0 is the champion." in result.stdout) == (0, True)
        assert "Running servers go back to nlu-7.0.0 once the file is in place" in result.stderr

    def test_a_file_that_is_damaged(self, registry: Registry, own: Path) -> None:
        registry.add("7.1.0")
        own.write_bytes(b"nonsense")
        result = registry("promote", "nlu-7.1.0")
        assert (result.exit_code, "is no file of trained intents" in result.stderr) == (2, True)
        assert registry("shadow", "nlu-7.1.0").exit_code == 0


def trained_on(pack: Path, path: Path) -> None:
    """Two intents learned on made-up embeddings in that pack's space."""
    import numpy as np

    from inference.intents.parsing import parse_intents
    from inference.intents.table import tabulate
    from inference.intents.trained import space_of, to_bytes, trained
    from inference.intents.training import fit
    from inference.pack import read_manifest

    found = parse_intents({"own.yaml": {"intents": {"yes_please": ["yes", "yes please"], "no_thanks": ["no", "nope"]}}})
    table = tabulate(
        found, lambda texts: np.array([[float(t.startswith("y")), 1, 0, 0] for t in texts], dtype=np.float32)
    )
    path.write_bytes(to_bytes(trained(found, fit(table), space_of(read_manifest(pack)))))


def test_other_commands_ask_the_champion(registry: Registry, parlance: Command) -> None:
    registry.add("7.1.0")
    registry("promote", "nlu-7.1.0")
    said = parlance("analyze", "hello", "--json", **registry.environ)
    assert json.loads(said.stdout)["model"] == "nlu-7.1.0"
    [model, versions, *_] = [
        check for check in json.loads(parlance("doctor", "--json", **registry.environ).stdout)["checks"]
        if check["check"] in ("model", "versions")
    ]  # fmt: skip
    assert "nlu-7.1.0" in model["text"]
    assert versions["status"] == "ok"
    spoil(registry.folder / "nlu-7.1.0")
    assert parlance("analyze", "hello", **registry.environ).exit_code == 2
