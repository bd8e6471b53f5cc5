"""Versions on disk: added whole or not at all, told apart, and what is broken is listed with the reason."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inference.errors import RegistryError
from inference.pack import load_pack
from inference.registry import catalogue as catalogue_module
from inference.registry import deployment as states
from inference.registry.catalogue import LINEAGE_FILE, Catalogue, Lineage
from tests.unit.registry.conftest import NOW_MS, Pack
from tests.unit.registry.support import spoil, write_pack


def names(catalogue: Catalogue) -> list[str]:
    return [version.name for version in catalogue.versions()]


def test_what_ships_is_there_and_stays_where_it_is(catalogue: Catalogue, standing: Path) -> None:
    [version] = catalogue.versions()
    assert (version.name, version.folder, version.origin) == ("nlu-1.0.0", standing, "shipped")
    assert catalogue.broken() == {}
    assert not catalogue.folder.exists()


class TestAdd:
    def test_a_copy_that_runs(self, catalogue: Catalogue, pack: Pack) -> None:
        source = pack("1.1.0")
        (source / "MODEL_CARD.md").write_text("# nlu")
        (source / "checkpoint.pt").write_text("large")
        added = catalogue.add(source)
        assert (added.name, added.folder, added.origin) == ("nlu-1.1.0", catalogue.folder / "nlu-1.1.0", "added")
        shutil.rmtree(source)
        assert load_pack(added.folder).manifest == added.manifest
        assert catalogue.version("nlu-1.1.0") == added
        assert sorted(path.name for path in added.folder.iterdir()) == [
            "MODEL_CARD.md", "lineage.json", "manifest.json", "model.onnx", "tokenizer.json",
        ]  # fmt: skip
        assert [path.name for path in catalogue.folder.iterdir()] == ["nlu-1.1.0"]

    def test_its_lineage(self, catalogue: Catalogue, pack: Pack) -> None:
        source = pack("1.1.0")
        digest = hashlib.sha256((source / "manifest.json").read_bytes()).hexdigest()
        catalogue.add(source)
        assert catalogue.lineage("nlu-1.1.0") == Lineage(NOW_MS, str(source), digest, None)
        catalogue.change(lambda d: states.promote(d, "nlu-1.1.0"))
        catalogue.add(pack("1.2.0"))
        catalogue.add(pack("1.3.0"), parent="nlu-1.0.0")
        parents = [lineage.parent for name in ("nlu-1.2.0", "nlu-1.3.0") if (lineage := catalogue.lineage(name))]
        assert parents == ["nlu-1.1.0", "nlu-1.0.0"]
        assert catalogue.lineage("nlu-1.0.0") is None

    def test_a_lost_lineage_harms_nobody(self, catalogue: Catalogue, pack: Pack) -> None:
        added = catalogue.add(pack("1.1.0"))
        (added.folder / LINEAGE_FILE).write_text("{")
        assert catalogue.lineage("nlu-1.1.0") is None
        assert names(catalogue) == ["nlu-1.0.0", "nlu-1.1.0"]

    def test_what_a_crash_left_goes_an_hour_later(self, catalogue: Catalogue, pack: Pack) -> None:
        left = catalogue.folder / f".nlu-1.1.0.{'0a' * 16}"
        other = catalogue.folder / ".snapshots"
        for path in (left, other):
            path.mkdir(parents=True)
        os.utime(left, (NOW_MS / 1_000 - 3_500,) * 2)
        os.utime(other, (0, 0))
        catalogue.add(pack("1.1.0"))
        assert left.is_dir()
        os.utime(left, (NOW_MS / 1_000 - 3_700,) * 2)
        catalogue.add(pack("1.2.0"))
        assert (left.exists(), other.exists()) == (False, True)

    def test_the_same_again_is_left_alone(self, catalogue: Catalogue, pack: Pack, standing: Path) -> None:
        first = catalogue.add(pack("1.1.0"))
        stamp = (first.folder / LINEAGE_FILE).stat().st_mtime_ns
        assert catalogue.add(pack("1.1.0")) == first
        assert (first.folder / LINEAGE_FILE).stat().st_mtime_ns == stamp
        assert catalogue.add(standing).origin == "shipped"

    def test_another_pack_of_the_same_name_is_refused(self, catalogue: Catalogue, pack: Pack) -> None:
        catalogue.add(pack("1.1.0"))
        with pytest.raises(RegistryError, match=r"There is another nlu-1.1.0 already, in .*with another version"):
            catalogue.add(pack("1.1.0", weight=2.0))
        with pytest.raises(RegistryError, match=r"There is another nlu-1.0.0 already"):
            catalogue.add(pack("1.0.0", metrics={"act_accuracy": 1.0}))

    def test_a_wrong_digest(self, catalogue: Catalogue, pack: Pack) -> None:
        source = pack("1.1.0")
        spoil(source)
        with pytest.raises(RegistryError) as caught:
            catalogue.add(source)
        assert caught.value.problem.startswith(f"{source / 'model.onnx'} has the wrong digest")
        assert "pack the model again" in caught.value.remedy
        assert not catalogue.folder.exists()

    def test_a_pack_that_does_not_run(self, catalogue: Catalogue, pack: Pack) -> None:
        source = pack("1.1.0", embedding_dim=5)
        with pytest.raises(RegistryError, match=r"gives `embedding` as .*, its manifest says float \[batch, 5\]"):
            catalogue.add(source)

    def test_no_pack_at_all(self, catalogue: Catalogue, tmp_path: Path) -> None:
        with pytest.raises(RegistryError, match="is not a folder"):
            catalogue.add(tmp_path / "nowhere")

    @pytest.mark.parametrize("version", ["../../x", ".hidden", "1 2", "1/2", "é", "x" * 200])
    def test_a_version_that_is_no_folder(self, catalogue: Catalogue, tmp_path: Path, version: str) -> None:
        source = write_pack(tmp_path / "odd", version, name="/etc" if version == "1/2" else "nlu")
        if version == ".hidden":
            source = write_pack(tmp_path / "odd", "1", name=".nlu")
        with pytest.raises(RegistryError, match=r"can't be a folder's name"):
            catalogue.add(source)
        assert not catalogue.folder.exists()

    def test_what_stays_of_a_failure_is_nothing(
        self, catalogue: Catalogue, pack: Pack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("shutil.copyfile", full)
        with pytest.raises(RegistryError, match=r"can't be written: No space left on device. Make room"):
            catalogue.add(pack("1.1.0"))
        assert list(catalogue.folder.iterdir()) == []

    def test_two_who_add_it_at_the_same_moment(
        self, catalogue: Catalogue, pack: Pack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source, both = pack("1.1.0"), threading.Barrier(2, timeout=60)
        copy = catalogue_module._copy

        def together(*arguments: Any) -> None:
            both.wait()  # both have seen by now that it is not there
            copy(*arguments)

        monkeypatch.setattr(catalogue_module, "_copy", together)
        with ThreadPoolExecutor(2) as threads:
            one, other = threads.map(lambda _: catalogue.add(source), range(2))
        assert one == other
        assert [path.name for path in catalogue.folder.iterdir()] == ["nlu-1.1.0"]

    def test_a_folder_that_is_a_file(self, catalogue: Catalogue, pack: Pack) -> None:
        catalogue.folder.write_text("")
        with pytest.raises(RegistryError, match=r"can't be written"):
            catalogue.add(pack("1.1.0"))

    def test_a_half_made_one_of_a_crash_is_no_version(self, catalogue: Catalogue, pack: Pack) -> None:
        catalogue.add(pack("1.1.0"))
        (catalogue.folder / "nlu-1.1.0").rename(catalogue.folder / ".nlu-1.1.0.abc")
        assert names(catalogue) == ["nlu-1.0.0"]
        assert catalogue.broken() == {}
        catalogue.add(pack("1.1.0"))
        assert names(catalogue) == ["nlu-1.0.0", "nlu-1.1.0"]


class TestVersions:
    def test_in_the_order_of_their_numbers(self, catalogue: Catalogue, pack: Pack) -> None:
        for version in ("1.10.0", "1.9.0", "1.2.0"):
            catalogue.add(pack(version))
        assert names(catalogue) == ["nlu-1.0.0", "nlu-1.2.0", "nlu-1.9.0", "nlu-1.10.0"]

    def test_one_that_somebody_copied_there(self, catalogue: Catalogue) -> None:
        write_pack(catalogue.folder / "nlu-1.1.0", "1.1.0")
        assert catalogue.verified("nlu-1.1.0", load=True).origin == "added"

    def test_the_broken_ones(self, catalogue: Catalogue, tmp_path: Path) -> None:
        cases = {
            "nlu-2.0.0": "holds nlu-1.1.0",
            "nlu-2.1.0": "model.onnx is missing",
            "nlu-2.2.0": "bytes, its manifest says",
            "nlu-2.3.0": "manifest.json is missing",
            "nlu-2.4.0": "can't be used",
            "nlu-1.0.0": "has the name of",
        }
        for name in cases:
            write_pack(catalogue.folder / name, name.removeprefix("nlu-"), weight=3.0)
        write_pack(catalogue.folder / "nlu-2.0.0", "1.1.0")
        (catalogue.folder / "nlu-2.1.0" / "model.onnx").unlink()
        (catalogue.folder / "nlu-2.2.0" / "model.onnx").write_bytes(b"short")
        (catalogue.folder / "nlu-2.3.0" / "manifest.json").unlink()
        (catalogue.folder / "nlu-2.4.0" / "manifest.json").write_text("{")
        broken = catalogue.broken()
        assert broken.keys() == cases.keys()
        assert all(said in broken[name] for name, said in cases.items()), broken
        assert names(catalogue) == ["nlu-1.0.0"]
        assert catalogue.version("nlu-1.0.0").origin == "shipped"

    def test_a_standing_pack_that_is_broken(self, tmp_path: Path, standing: Path) -> None:
        catalogue = Catalogue(tmp_path / "models", [tmp_path / "gone", standing])
        assert names(catalogue) == ["nlu-1.0.0"]
        assert "is not a folder" in catalogue.broken()["gone"]

    def test_the_nearest_name(self, catalogue: Catalogue, pack: Pack) -> None:
        catalogue.add(pack("1.1.0"))
        with pytest.raises(RegistryError) as caught:
            catalogue.version("nlu-1.1")
        assert str(caught.value) == "There is no version nlu-1.1. Did you mean nlu-1.1.0?"
        with pytest.raises(RegistryError, match=r"There are nlu-1.0.0, nlu-1.1.0"):
            catalogue.version("bert")

    def test_a_broken_one_by_name(self, catalogue: Catalogue) -> None:
        write_pack(catalogue.folder / "nlu-1.1.0", "1.1.0")
        (catalogue.folder / "nlu-1.1.0" / "model.onnx").unlink()
        with pytest.raises(RegistryError, match=r"nlu-1.1.0 is broken: .*model.onnx is missing"):
            catalogue.version("nlu-1.1.0")

    def test_a_digest_is_looked_at_when_it_matters(self, catalogue: Catalogue, pack: Pack) -> None:
        spoil(catalogue.add(pack("1.1.0")).folder)
        assert catalogue.version("nlu-1.1.0").name == "nlu-1.1.0"
        for load in (False, True):
            with pytest.raises(RegistryError, match=r"nlu-1.1.0 is broken: .*wrong digest"):
                catalogue.verified("nlu-1.1.0", load=load)

    def test_fields_that_this_program_does_not_know(self, catalogue: Catalogue, pack: Pack) -> None:
        deny = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "rows": 8}
        added = catalogue.add(pack("1.1.0", per_class={"act": {"deny": deny}}, tomorrow=[1]))
        manifest = json.loads((added.folder / "manifest.json").read_text())
        assert (manifest["per_class"]["act"]["deny"]["f1"], manifest["tomorrow"]) == (0.5, [1])
