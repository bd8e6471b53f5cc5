"""A running server takes new intents from the file, as a whole, and keeps the old ones where it can't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from inference.intents.table import tabulate
from inference.intents.trained import Space, TrainedIntents, space_of, to_bytes, trained
from inference.intents.training import fit
from inference.pack import load_pack
from server.chat.writer import BuiltInWriter
from server.cli.main import app
from server.contents import read_trained
from server.errors import StartupError
from server.wiring.teaching import Teaching
from tests.unit.inference.support import FakeModel, fake_engine
from tests.unit.intents.support import SPACE, clouds, embed, shop
from tests.unit.writer.support import book

MODEL = Path(__file__).resolve().parents[3] / "models_onnx" / "nlu"
FIRST = trained(shop(), fit(tabulate(shop(), embed)), SPACE)
SECOND = replace(FIRST, manifest=msgspec.structs.replace(FIRST.manifest, threshold=0.123))


class Pupil:
    """Stands in for engine and bot."""

    def __init__(self) -> None:
        self.taught: list[TrainedIntents | None] = []
        self.writers: list[BuiltInWriter] = []

    def teach(self, intents: TrainedIntents | None) -> None:
        self.taught.append(intents)

    def write_with(self, writer: BuiltInWriter) -> None:
        self.writers.append(writer)


def replaced(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(path)


async def test_a_changed_file_is_taken_once(tmp_path: Path) -> None:
    path, pupil = tmp_path / "shop.npz", Pupil()
    path.write_bytes(to_bytes(FIRST))
    teaching = Teaching(path, FIRST, {"en": book()}, engine=pupil, voice=pupil)
    await teaching.look()
    assert pupil.taught == []
    replaced(path, to_bytes(SECOND))
    await teaching.look()
    await teaching.look()
    assert [one.manifest.threshold for one in pupil.taught if one is not None] == [0.123]
    assert len(pupil.writers) == 1


@pytest.mark.parametrize("content", [b"", b"nonsense", to_bytes(FIRST)[:-100]])
async def test_a_bad_file_leaves_the_old_intents(tmp_path: Path, content: bytes) -> None:
    path, pupil = tmp_path / "shop.npz", Pupil()
    path.write_bytes(content)
    teaching = Teaching(path, FIRST, {"en": book()}, engine=pupil, voice=pupil)
    await teaching.look()
    path.unlink()
    await teaching.look()
    assert pupil.taught == []
    path.write_bytes(to_bytes(SECOND))
    await teaching.look()
    assert len(pupil.taught) == 1


async def test_another_model_comes_with_a_file_trained_on_it(tmp_path: Path) -> None:
    path, pupil = tmp_path / "shop.npz", Pupil()
    path.write_bytes(to_bytes(FIRST))
    teaching = Teaching(path, FIRST, {"en": book()}, engine=pupil, voice=pupil)
    other = msgspec.structs.replace(SPACE, model="nlu-0.0.2")
    assert teaching.for_space(SPACE) is FIRST
    with pytest.raises(StartupError, match=r"trained on the embedding of nlu-0\.0\.1"):
        teaching.for_space(other)
    theirs = replace(FIRST, manifest=msgspec.structs.replace(FIRST.manifest, space=other))
    replaced(path, to_bytes(theirs))
    await teaching.look()
    assert pupil.taught == []
    found = teaching.for_space(other)
    assert found.manifest == theirs.manifest
    teaching.move(found)
    assert (teaching.intents, len(pupil.writers), pupil.taught) == (found, 1, [])
    newer = msgspec.structs.replace(theirs.manifest, threshold=0.123)
    replaced(path, to_bytes(replace(theirs, manifest=newer)))
    await teaching.look()
    assert [one.manifest for one in pupil.taught if one is not None] == [newer]


async def test_a_file_read_while_another_model_came_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, pupil = tmp_path / "shop.npz", Pupil()
    path.write_bytes(to_bytes(SECOND))
    teaching = Teaching(path, FIRST, {"en": book()}, engine=pupil, voice=pupil)
    other = msgspec.structs.replace(SPACE, model="nlu-0.0.2")
    theirs = replace(FIRST, manifest=msgspec.structs.replace(FIRST.manifest, space=other))

    def meanwhile(path: Path, space: Space) -> TrainedIntents:
        found = read_trained(path, space)
        monkeypatch.undo()
        teaching.move(theirs)
        return found

    monkeypatch.setattr("server.wiring.teaching.read_trained", meanwhile)
    await teaching.look()
    assert (pupil.taught, teaching.intents) == ([], theirs)


def test_the_engine_forgets_what_was_said_with_other_intents() -> None:
    small = msgspec.structs.replace(SPACE, dim=4)
    own = trained(shop(), fit(clouds(classes=3, each=4, dim=4)), small)
    engine = fake_engine(FakeModel(), cache_entries=8)
    assert engine.analyse_now(["hello"])[0].sure is None
    assert engine.analyse_now(["hello"])[0].cached
    engine.teach(own)
    (taught,) = engine.analyse_now(["hello"])
    assert (taught.sure is None, taught.cached) == (False, False)
    assert taught.intent in own.manifest.labels
    engine.teach(None)
    assert engine.analyse_now(["hello"])[0].sure is None


class TestActivate:
    def test_puts_the_file_where_the_server_looks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        here = trained(shop(), fit(clouds(classes=3, dim=384)), space_of(load_pack(MODEL).manifest))
        (tmp_path / "new.npz").write_bytes(to_bytes(here))
        monkeypatch.setenv("PARLANCE_INTENTS", str(tmp_path / "live.npz"))
        result = CliRunner().invoke(app, ["intents", "activate", str(tmp_path / "new.npz")])
        assert result.exit_code == 0, result.output
        assert (tmp_path / "live.npz").read_bytes() == to_bytes(here)

    def test_a_foreign_file_does_not_get_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "new.npz").write_bytes(to_bytes(FIRST))
        monkeypatch.setenv("PARLANCE_INTENTS", str(tmp_path / "live.npz"))
        result = CliRunner().invoke(app, ["intents", "activate", str(tmp_path / "new.npz")])
        assert (result.exit_code, "was trained on the embedding of" in result.stderr) == (2, True)
        assert not (tmp_path / "live.npz").exists()

    def test_without_the_setting_the_remedy_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("PARLANCE_INTENTS", raising=False)
        result = CliRunner().invoke(app, ["intents", "activate", "new.npz"])
        assert (result.exit_code, "PARLANCE_INTENTS=" in result.stderr) == (2, True)
