"""What admins may ask of the model's versions, and that the gate stands before every change."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from inference.registry.catalogue import Catalogue
from inference.registry.deployment import Canary
from inference.registry.everywhere import Agreed, ClusterFigures, everywhere
from inference.registry.fleet import Roster
from inference.registry.labelled import Labelled
from inference.registry.live import Live
from inference.registry.rollout import Rollout
from inference.registry.state import DEPLOYMENT_FILE
from server.chat.peer import Caller
from server.chat.signals import ModelsMoved
from server.chat.versions import Versions
from server.errors import Conflict, Forbidden, NotFound, StartupError, Unavailable
from server.wire.parts import User
from server.wiring.rollouts import rollout_of
from tests.unit.chat.loopback import loopback
from tests.unit.inference.support import analysis
from tests.unit.registry.engines import engine
from tests.unit.registry.support import spoil, write_pack

STANDARD = "nlu-1.0.0"
ROOT = Caller(User("root", "admin", "Root"))


@dataclass
class Shop:
    """A worker's part: what it looks at, and what is in use."""

    folder: Path
    looks: int = 0
    words: list[ModelsMoved] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    live: Live = field(default_factory=Live)
    labelled: list[Labelled] = field(default_factory=list)
    store_away: bool = False

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(self.folder, [write_pack(self.folder.parent / "nlu", "1.0.0")])
        (self.signals,) = loopback()
        self.signals.on(ModelsMoved, self.words.append)
        self.roster = Roster(engine("1"))

    async def look(self) -> None:
        self.looks += 1

    async def everywhere(self) -> dict[str, ClusterFigures]:
        if self.store_away:
            raise Unavailable("The database can't be read now.")
        return everywhere([], {STANDARD: Agreed(40, 22)}, now_ms=0)

    async def newest(self) -> list[Labelled]:
        return self.labelled

    def made(self, gated: bool, labelled: Sequence[Labelled]) -> Rollout:
        return rollout_of(self.catalogue, STANDARD, None, labelled)

    def versions(self, rollout: Callable[[bool, Sequence[Labelled]], Rollout] | None = None) -> Versions:
        return Versions(
            models=self,
            rollout=rollout or self.made,
            labelled=self.newest,
            roster=lambda: self.roster,
            live=self.live,
            figures=self.everywhere,
            signals=self.signals,
        )


def turns_of(label: str, count: int) -> list[Labelled]:
    return [Labelled(f"hello {number}", label, STANDARD, "greeting") for number in range(count)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "models")


def asked(versions: Versions, caller: Caller) -> list[Coroutine[Any, Any, Any]]:
    return [
        versions.overview(caller),
        versions.version(caller, STANDARD),
        versions.shadow(caller, STANDARD),
        versions.canary(caller, STANDARD),
        versions.promote(caller, STANDARD),
        versions.rollback(caller),
        versions.remove(caller, STANDARD),
    ]


@pytest.mark.parametrize("kind", ["customer", "agent", "service"])
async def test_versions_are_for_admins(shop: Shop, kind: Any) -> None:
    for question in asked(shop.versions(), Caller(User("x", kind, "X"))):
        with pytest.raises(Forbidden):
            await question
    assert shop.looks == 0


async def test_the_overview_of_a_fresh_server(shop: Shop) -> None:
    found = await shop.versions().overview(ROOT)
    assert (found["revision"], found["previous"], found["problems"]) == (0, [], [])
    assert not {"champion", "canary", "shadow"} & set(found)
    assert found["serving"] == {"champion": "nlu-1"}
    names = [item["version"] for item in found["items"]]
    assert names[0] == STANDARD
    assert found["items"][0]["origin"] == "shipped"
    assert found["items"][0]["metrics"]["clinc150_in_scope_accuracy"] > 0.9


async def test_a_change_is_told_to_all_and_taken_here_at_once(shop: Shop, tmp_path: Path) -> None:
    shop.catalogue.add(write_pack(tmp_path / "pack", "9.9.9"))
    versions = shop.versions()
    assert (await versions.shadow(ROOT, "nlu-9.9.9"))["shadow"] == "nlu-9.9.9"
    found = await versions.canary(ROOT, "nlu-9.9.9", 0.25)
    assert (found["canary"], "shadow" in found) == ({"version": "nlu-9.9.9", "share": 0.25}, False)
    found = await versions.promote(ROOT, "nlu-9.9.9")
    assert (found["champion"], found["revision"]) == ("nlu-9.9.9", 3)
    found = await versions.rollback(ROOT)
    assert ("champion" in found, found["revision"]) == (False, 4)
    assert [word.revision for word in shop.words] == [1, 2, 3, 4]
    assert shop.looks == 4
    lineage = (await versions.version(ROOT, "nlu-9.9.9"))["lineage"]
    assert lineage["source"] == str(tmp_path / "pack")


async def test_the_gate_refuses_what_is_worse_unless_forced(shop: Shop, tmp_path: Path) -> None:
    shop.catalogue.add(write_pack(tmp_path / "pack", "9.9.9", metrics={"clinc150_in_scope_accuracy": 0.5}))
    versions = shop.versions()
    for question in (versions.promote(ROOT, "nlu-9.9.9"), versions.canary(ROOT, "nlu-9.9.9", 0.1)):
        with pytest.raises(Conflict, match=r"clinc150_in_scope_accuracy: 0\.5"):
            await question
    assert (shop.words, shop.looks) == ([], 0)
    assert (await versions.promote(ROOT, "nlu-9.9.9", force=True))["champion"] == "nlu-9.9.9"


async def test_an_altered_file_is_refused_even_by_force(shop: Shop, tmp_path: Path) -> None:
    added = shop.catalogue.add(write_pack(tmp_path / "pack", "9.9.9"))
    spoil(added.folder)
    with pytest.raises(Conflict, match="digest"):
        await shop.versions().promote(ROOT, "nlu-9.9.9", force=True)


async def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    versions = shop.versions()
    for question in (
        versions.version(ROOT, "nlu-7"),
        versions.shadow(ROOT, "nlu-7"),
        versions.canary(ROOT, "nlu-7"),
        versions.promote(ROOT, "nlu-7"),
    ):
        with pytest.raises(NotFound, match="nlu-7"):
            await question
    with pytest.raises(Conflict, match="no champion before"):
        await versions.rollback(ROOT)
    with pytest.raises(Conflict, match="answers already"):
        await versions.shadow(ROOT, STANDARD)


async def test_intents_that_can_not_be_read_are_told(shop: Shop) -> None:
    def rollout(*_: object) -> Rollout:
        raise StartupError("intents.npz can't be read: No such file.", "Train it.")

    with pytest.raises(Conflict, match="Train it"):
        await shop.versions(rollout).promote(ROOT, STANDARD)


async def test_a_broken_file_is_a_problem_and_hides_nothing_else(shop: Shop) -> None:
    shop.folder.mkdir()
    (shop.folder / DEPLOYMENT_FILE).write_text("{")
    shop.faults[DEPLOYMENT_FILE] = "can't be used"
    found = await shop.versions().overview(ROOT)
    assert found["problems"] == [{"version": DEPLOYMENT_FILE, "reason": "can't be used"}]
    assert ("revision" in found, found["serving"]) == (False, {"champion": "nlu-1"})


async def test_roles_and_figures_are_shown(shop: Shop) -> None:
    champion = engine("1")
    champion.model = STANDARD
    shop.roster = Roster(champion, (Canary("nlu-2", 0.5), engine("2")), engine("3"))
    shop.live.observe(replace(analysis(), model=STANDARD))
    found = await shop.versions().overview(ROOT)
    assert found["serving"] == {
        "champion": STANDARD, "canary": {"version": "nlu-2", "share": 0.5}, "shadow": "nlu-3"
    }  # fmt: skip
    item = found["items"][0]
    assert (item["role"], item["live"]["answered"], item["live"]["psi"]) == ("champion", 1, {})
    assert "last_failure" not in item["live"]
    assert (item["everywhere"]["agreement"], "drift" in item["everywhere"]) == (0.55, False)
    shop.store_away = True
    assert "everywhere" not in (await shop.versions().overview(ROOT))["items"][0]


async def test_the_way_out_asks_nothing_of_the_own_intents(shop: Shop) -> None:
    asked: list[bool] = []

    def rollout(gated: bool, labelled: Sequence[Labelled]) -> Rollout:
        assert not labelled
        asked.append(gated)
        return Rollout(shop.catalogue, STANDARD)

    shop.labelled = turns_of("weather", 60)
    versions = shop.versions(rollout)
    await versions.shadow(ROOT, None)
    with pytest.raises(Conflict):
        await versions.rollback(ROOT)
    assert asked == [False, False]


async def test_what_people_labelled_stands_before_a_promotion(shop: Shop, tmp_path: Path) -> None:
    shop.catalogue.add(write_pack(tmp_path / "pack", "9.9.9", weight=-1.0))
    shop.labelled = turns_of("weather", 60)  # what the champion says of everything
    for question in (shop.versions().promote(ROOT, "nlu-9.9.9"), shop.versions().canary(ROOT, "nlu-9.9.9")):
        with pytest.raises(Conflict, match=r"your own customers worse .* it reads 0 right, the champion 60"):
            await question
    assert shop.words == []
    assert (await shop.versions().promote(ROOT, "nlu-9.9.9", force=True))["champion"] == "nlu-9.9.9"


async def test_a_version_that_does_nothing_is_removed(shop: Shop, tmp_path: Path) -> None:
    versions = shop.versions()
    for version in ("9.9.8", "9.9.9"):
        shop.catalogue.add(write_pack(tmp_path / version, version))
    (shop.folder / "nlu-9.9.8" / "manifest.json").unlink()
    await versions.remove(ROOT, "nlu-9.9.8")
    await versions.shadow(ROOT, "nlu-9.9.9")
    for name, refused, said in (
        ("nlu-9.9.9", Conflict, "is the shadow"),
        (STANDARD, Conflict, "is the champion"),
        ("nlu-9.9.8", NotFound, "nlu-9.9.8"),
    ):
        with pytest.raises(refused, match=said):
            await versions.remove(ROOT, name)
    await versions.promote(ROOT, "nlu-9.9.9")
    await versions.rollback(ROOT)
    await versions.remove(ROOT, "nlu-9.9.9")
    assert [version.name for version in shop.catalogue.versions()] == [STANDARD]
    assert shop.catalogue.broken() == {}
