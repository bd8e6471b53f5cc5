"""A worker takes up what the deployment says, as a whole, and keeps what serves where it can't."""

from __future__ import annotations

import asyncio
import ctypes
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from inference.engine import Engine
from inference.errors import ModelError, RegistryError
from inference.intents.trained import Space, TrainedIntents, space_of, to_bytes, trained
from inference.intents.training import fit
from inference.pack import Pack
from inference.registry import deployment as states
from inference.registry.catalogue import Catalogue
from inference.registry.deployment import Canary
from inference.registry.fleet import Fleet
from inference.registry.live import Live
from inference.registry.state import DEPLOYMENT_FILE
from server.chat.signals import ModelsMoved
from server.chat.writer import BuiltInWriter
from server.errors import StartupError
from server.wiring import models as models_module
from server.wiring.memory import give_back
from server.wiring.models import AGAIN_LOOKS, Models
from server.wiring.preparing import Preparer, from_catalogue
from server.wiring.teaching import Teaching
from tests.unit.inference.support import LEXICON, WAIT_S, StepClock
from tests.unit.intents.support import clouds, shop
from tests.unit.registry.engines import manifest, pack
from tests.unit.registry.support import spoil, write_pack
from tests.unit.writer.support import book

LONG_S = 60.0


def own_intents(space: Space) -> TrainedIntents:
    return trained(shop(), fit(clouds(classes=3, each=4, dim=space.dim)), space)


FIRST = own_intents(space_of(manifest("1")))


@dataclass
class Own:
    """The user's intents: those at hand, and those of the file."""

    intents: TrainedIntents
    file: TrainedIntents
    moved: list[TrainedIntents] = field(default_factory=list)

    def for_space(self, space: Space) -> TrainedIntents:
        for found in (self.intents, self.file):
            if found.manifest.space == space:
                return found
        raise StartupError("intents.npz was trained on the embedding of another.", "Train it again.")

    def move(self, intents: TrainedIntents) -> None:
        self.intents = intents
        self.moved.append(intents)


class Writing:
    """Stands in for the bot."""

    def __init__(self) -> None:
        self.writers: list[BuiltInWriter] = []

    def write_with(self, writer: BuiltInWriter) -> None:
        self.writers.append(writer)


class Maker:
    def __init__(self) -> None:
        self.made: list[tuple[str, bool]] = []

    def make(self, found: Pack, intents: TrainedIntents | None, *, answers: bool) -> Engine:
        self.made.append((found.manifest.model, answers))
        return Engine(found, clock=StepClock(), cache_entries=0, lexicon=LEXICON, intents=intents)


@dataclass
class Worker:
    """``nlu-1`` is the version of the settings; whatever is in ``broken`` can't be loaded."""

    folder: Path
    own: Own | None = None
    broken: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    maker: Maker = field(default_factory=Maker)

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(self.folder, [])
        live, first = Live(), pack("1")
        intents = None if self.own is None else self.own.intents
        self.fleet = Fleet(self.maker.make(first, intents, answers=True), tally=live.of, failed=live.failed)
        self.maker.made.clear()
        self.models = Models(
            catalogue=self.catalogue,
            preparer=Preparer("nlu-1", self.maker, self.own, self.load),
            fleet=self.fleet,
            pack=first,
            on_fault=self.faults.append,
        )

    def load(self, version: str) -> Pack:
        if version in self.broken:
            raise ModelError(Path(version), self.broken[version])
        return pack(version.removeprefix("nlu-"))

    async def says(self) -> str:
        return (await self.fleet.analyse("hello", timeout_s=LONG_S, conversation="conv:a")).model

    async def serving(self) -> tuple[str, Canary | None, str | None]:
        """After a look: champion, canary, shadow."""
        await self.models.look()
        roster = self.fleet.roster
        assert roster.champion.model == await self.says() or roster.canary is not None
        canary = None if roster.canary is None else roster.canary[0]
        return roster.champion.model, canary, None if roster.shadow is None else roster.shadow.model


async def test_without_a_deployment_nothing_is_done(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    assert await worker.serving() == ("nlu-1", None, None)
    assert worker.maker.made == []
    await worker.fleet.close()


async def test_a_champion_is_taken_once_and_rolled_back(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    assert await worker.serving() == ("nlu-2", None, None)
    assert await worker.serving() == ("nlu-2", None, None)
    assert worker.maker.made == [("nlu-2", True)]
    worker.catalogue.change(states.rollback)
    assert await worker.serving() == ("nlu-1", None, None)
    assert worker.models.revision == 2
    await worker.fleet.close()


async def test_a_shadow_becomes_canary_and_then_champion(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.catalogue.change(lambda found: states.shadow(found, "nlu-2"))
    assert await worker.serving() == ("nlu-1", None, "nlu-2")
    worker.catalogue.change(lambda found: states.canary(found, "nlu-2", 0.5))
    assert await worker.serving() == ("nlu-1", Canary("nlu-2", 0.5), None)
    worker.catalogue.change(lambda found: states.canary(found, "nlu-2", 1.0))
    assert await worker.serving() == ("nlu-1", Canary("nlu-2", 1.0), None)
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    assert await worker.serving() == ("nlu-2", None, None)
    # Who has read beside never answers with the same engine; the canary goes on as the champion.
    assert worker.maker.made == [("nlu-2", False), ("nlu-2", True)]
    await worker.fleet.close()


async def test_a_broken_champion_leaves_the_old_one_and_is_said_once(tmp_path: Path) -> None:
    worker = Worker(tmp_path, broken={"nlu-2": "is missing"})
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    with capture_logs() as logs:
        for _ in range(2 * AGAIN_LOOKS):
            assert await worker.serving() == ("nlu-1", None, None)
    assert [(line["log_level"], line["version"]) for line in logs] == [("warning", "nlu-2")]
    assert "is missing" in logs[0]["reason"] and "Restore it" in logs[0]["reason"]
    assert worker.faults == ["nlu-2"]
    assert list(worker.models.faults) == ["nlu-2"]
    worker.broken.clear()  # a shared folder gets its files late
    for _ in range(AGAIN_LOOKS + 1):
        await worker.models.look()
    assert await worker.serving() == ("nlu-2", None, None)
    assert worker.models.faults == {}
    await worker.fleet.close()


@pytest.mark.parametrize("role", ["shadow", "canary"])
async def test_a_broken_challenger_disturbs_nobody(tmp_path: Path, role: str) -> None:
    worker = Worker(tmp_path, broken={"nlu-3": "is broken"})
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    worker.catalogue.change(
        lambda found: states.shadow(found, "nlu-3") if role == "shadow" else states.canary(found, "nlu-3", 1.0)
    )
    assert await worker.serving() == ("nlu-2", None, None)
    assert worker.faults == ["nlu-3"]
    await worker.fleet.close()


async def test_a_broken_file_leaves_everything(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    await worker.models.look()
    (tmp_path / DEPLOYMENT_FILE).write_text("{")
    assert await worker.serving() == ("nlu-2", None, None)
    assert worker.faults == [DEPLOYMENT_FILE]
    (tmp_path / DEPLOYMENT_FILE).unlink()
    assert await worker.serving() == ("nlu-1", None, None)
    await worker.fleet.close()


async def test_word_of_another_worker_is_heard_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "WATCH_S", LONG_S)
    worker = Worker(tmp_path)
    watching = asyncio.create_task(worker.models.watch())
    await asyncio.sleep(0.01)
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    worker.models.wake(ModelsMoved(1))
    async with asyncio.timeout(WAIT_S):
        while await worker.says() != "nlu-2":
            await asyncio.sleep(0.001)
    watching.cancel()
    await worker.fleet.close()


async def test_memory_is_given_back_once_who_was_replaced_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    monkeypatch.setattr(models_module, "give_back", lambda: given.append("back"))
    worker = Worker(tmp_path)
    await worker.models.tidy()
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    await worker.models.look()
    await worker.models.tidy()
    assert given == []
    async with asyncio.timeout(WAIT_S):
        while not worker.fleet.is_settled:
            await asyncio.sleep(0.001)
    for _ in range(3):
        await worker.models.tidy()
    assert given == ["back"]
    await worker.fleet.close()


def test_memory_can_be_given_back_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    give_back()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    give_back()


def test_a_version_is_loaded_by_its_name_and_verified(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models", [])
    load = from_catalogue(catalogue)
    added = catalogue.add(write_pack(tmp_path / "pack", "1.1.0"))
    assert load("nlu-1.1.0").manifest == added.manifest
    with pytest.raises(RegistryError, match=r"Did you mean nlu-1\.1\.0"):
        load("nlu-1.1")
    spoil(added.folder)
    with pytest.raises(ModelError, match="digest"):
        load("nlu-1.1.0")


# ------------------------------------------------------------------ own intents


async def test_a_champion_on_another_embedding_is_refused(tmp_path: Path) -> None:
    worker = Worker(tmp_path, own=Own(FIRST, FIRST))
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    assert await worker.serving() == ("nlu-1", None, None)
    assert "Train it again" in worker.models.faults["nlu-2"]
    await worker.fleet.close()


async def test_a_canary_on_another_embedding_is_refused_with_the_remedy(tmp_path: Path) -> None:
    worker = Worker(tmp_path, own=Own(FIRST, FIRST))
    worker.catalogue.change(lambda found: states.canary(found, "nlu-2", 1.0))
    assert await worker.serving() == ("nlu-1", None, None)
    assert "parlance intents train FOLDER --model 2" in worker.models.faults["nlu-2"]
    await worker.fleet.close()


async def test_a_champion_comes_together_with_intents_trained_on_it(tmp_path: Path) -> None:
    second = own_intents(space_of(manifest("2")))
    own = Own(FIRST, second)
    worker = Worker(tmp_path, own=own)
    assert (await worker.fleet.analyse("hello", timeout_s=LONG_S, conversation="")).sure is not None
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    assert await worker.serving() == ("nlu-2", None, None)
    assert own.moved == [second]
    found = await worker.fleet.analyse("hello", timeout_s=LONG_S, conversation="")
    assert found.intent in second.manifest.labels
    await worker.fleet.close()


async def test_a_shadow_on_another_embedding_reads_with_its_own_intents(tmp_path: Path) -> None:
    worker = Worker(tmp_path, own=Own(FIRST, FIRST))
    worker.catalogue.change(lambda found: states.shadow(found, "nlu-2"))
    assert await worker.serving() == ("nlu-1", None, "nlu-2")
    shadow = worker.fleet.roster.shadow
    assert shadow is not None
    newer = msgspec.structs.replace(FIRST.manifest, threshold=0.123)
    worker.fleet.teach(TrainedIntents(newer, FIRST.classifier))
    assert (await shadow.analyse("hello", timeout_s=LONG_S)).sure is None
    await worker.fleet.close()


async def test_a_champion_waits_for_intents_that_fit(tmp_path: Path) -> None:
    second = own_intents(space_of(manifest("2")))
    file = tmp_path / "intents.npz"
    file.write_bytes(to_bytes(FIRST))
    bot = Writing()
    worker = Worker(tmp_path, own=Own(FIRST, FIRST))
    teaching = Teaching(file, FIRST, {"en": book()}, engine=worker.fleet, voice=bot)
    worker.models = Models(
        catalogue=worker.catalogue,
        preparer=Preparer("nlu-1", worker.maker, teaching, worker.load),
        fleet=worker.fleet,
        pack=pack("1"),
        on_fault=worker.faults.append,
    )
    teaching.on_misfit(worker.models.retry)
    await teaching.look()
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    assert await worker.serving() == ("nlu-1", None, None)
    file.write_bytes(to_bytes(second))
    await teaching.look()
    assert await worker.serving() == ("nlu-2", None, None)
    assert teaching.intents.manifest == second.manifest
    worker.catalogue.change(states.rollback)
    assert await worker.serving() == ("nlu-2", None, None)
    file.write_bytes(to_bytes(FIRST))
    await teaching.look()
    assert await worker.serving() == ("nlu-1", None, None)
    assert (len(bot.writers), worker.faults) == (2, ["nlu-2", "nlu-1"])
    await worker.fleet.close()


async def test_intents_taught_while_a_champion_is_made_ready_are_not_lost(tmp_path: Path) -> None:
    second = own_intents(space_of(manifest("2")))
    never_sure = TrainedIntents(msgspec.structs.replace(second.manifest, threshold=1.0), second.classifier)
    own = Own(FIRST, FIRST)
    worker = Worker(tmp_path, own=own)
    own.intents = second  # as if the two versions had one embedding
    make = worker.maker.make

    def meanwhile(found: Pack, intents: TrainedIntents | None, *, answers: bool) -> Engine:
        made = make(found, intents, answers=answers)
        own.intents = never_sure
        return made

    worker.maker.make = meanwhile  # type: ignore[method-assign]
    worker.catalogue.change(lambda found: states.promote(found, "nlu-2"))
    assert await worker.serving() == ("nlu-2", None, None)
    assert own.moved == []
    assert (await worker.fleet.analyse("hello", timeout_s=LONG_S, conversation="")).sure is False
    await worker.fleet.close()
