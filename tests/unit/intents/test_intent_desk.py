"""A user's own intents on a running server: examples, the inbox's labels, learning, activation and the way back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import yaml

from inference.intents.fitting import Floats
from inference.intents.table import tabulate
from inference.intents.trained import to_bytes, trained
from inference.intents.training import fit
from inference.intents.values import IntentSet
from server.chat.intent_desk import IntentDesk
from server.chat.peer import Caller
from server.contents import embedding_space, read_intents
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.settings import Settings
from server.store.inbox_ports import Doubt, DoubtState, InboxItem
from server.store.ports import Store
from server.wire.parts import User
from server.wiring.intent_files import IntentFiles

ROOT = Caller(User("root", "admin", "Root"))
OPENING = ["when are you open", "opening hours", "are you open on Sundays", "until when are you open"]
INTENTS = {"hours": OPENING, "returns": ["send it back", "return label", "how do I return it"]}
DOUBT = Doubt("hours", 0.3, (("hours", 0.3),), 0.1, "en", "nlu-1")


class Ledger:
    """The inbox: one page."""

    def __init__(self, *items: InboxItem) -> None:
        self.items = items

    async def inbox_labels(self) -> list[str]:
        return ["given", "oos"]

    async def inbox(self, *, state: DoubtState | None, before: str | None, limit: int) -> list[InboxItem]:
        return [item for item in self.items if item.state == state and before is None][:limit]


class Untrained(IntentFiles):
    """Learns within this process, with an embedding of bags of words."""

    trainings = 0

    async def train(self) -> None:
        self.trainings += 1
        intents, _ = self.read()
        assert intents is not None
        space = embedding_space(self._settings.model_path)
        self._beside("candidate").write_bytes(to_bytes(trained(intents, learned(intents, space.dim), space)))


def learned(intents: IntentSet, dim: int) -> Any:
    def embed(texts: Sequence[str]) -> Floats:
        rows = np.zeros((len(texts), dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split() or [""]:
                rows[row] += np.random.default_rng(list(word.encode())).normal(size=dim)
        found: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return found

    return fit(tabulate(intents, embed))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "shop.yaml").write_text(yaml.safe_dump({"intents": INTENTS}))
    return tmp_path / "own"


def desk_of(folder: Path | None, *items: InboxItem, known: Collection[str] = ("hours", "returns")) -> IntentDesk:
    given: dict[str, Any] = {} if folder is None else {"intents": folder.parent / "own.npz", "intents_dir": folder}
    files = Untrained(Settings(**given, data_dir=Path("nowhere")))
    return IntentDesk(files=files, store=cast(Store, Ledger(*items)), known=lambda: known, redact=str.upper)


def names(told: dict[str, Any]) -> dict[str, int]:
    return {one["intent"]: one["count"] for one in told["intents"]}


async def test_an_example_is_added_and_taken_back(folder: Path) -> None:
    desk = desk_of(folder)
    told = await desk.add(ROOT, "hours", "is somebody there at noon", new=False)
    assert told == {"added": 1, "removed": 0, "present": 0, "unfit": 0}
    assert (await desk.add(ROOT, "hours", "Is somebody there at noon?", new=False))["present"] == 1
    assert read_intents(folder).intents[0].examples[-1].place.file in ("inbox.yaml", "shop.yaml")
    told = await desk.show(ROOT)
    assert names(told) == {"hours": 5, "returns": 3}
    (hours, _) = told["intents"]
    assert [one["text"] for one in hours["examples"] if one["here"]] == ["is somebody there at noon"]
    assert (told["known"], told["changed"], told["used"]) == (["given", "hours", "returns"], True, None)
    assert {finding["code"] for finding in told["findings"]} == {"few"}
    assert (await desk.remove(ROOT, "hours", "is somebody there at noon"))["removed"] == 1
    assert not (folder / "inbox.yaml").exists(), "an empty file is none"


async def test_an_intent_that_is_not_there_is_made_on_purpose_only(folder: Path) -> None:
    desk = desk_of(folder)
    with pytest.raises(Invalid, match="Did you mean 'returns'"):
        await desk.add(ROOT, "retuns", "take it back", new=False)
    await desk.add(ROOT, "wrong_item", "not what I ordered", new=True)
    assert names(await desk.show(ROOT))["wrong_item"] == 1


@pytest.mark.parametrize(("intent", "text", "sentence"), [
    ("hours", "Send it back!", r"It is an example of 'returns' already \(shop.yaml: intents.returns.examples\[1\]\)"),
    ("hours", "?!", "An example has a word in it"),
    ("oos", "the weather", "has no examples"),
])  # fmt: skip
async def test_what_can_be_no_example(folder: Path, intent: str, text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        await desk_of(folder).add(ROOT, intent, text, new=True)
    assert not (folder / "inbox.yaml").exists()


async def test_what_stands_in_files_of_yours_stays(folder: Path) -> None:
    with pytest.raises(NotFound, match=r"inbox\.yaml has no such example of hours"):
        await desk_of(folder).remove(ROOT, "hours", "opening hours")


async def test_labels_of_the_inbox_are_taken_over_without_personal_data(folder: Path) -> None:
    labelled = InboxItem("m1", "conv:1", 1, 1, "my boots are torn", DOUBT, "labelled", "returns", "ann", 5)
    dismissed = InboxItem("m2", "conv:1", 1, 1, "what a day", DOUBT, "dismissed", None, "ann", 6)
    desk = desk_of(folder, labelled, dismissed)
    assert (await desk.export(ROOT))["added"] == 1
    document = yaml.safe_load((folder / "inbox.yaml").read_text())
    assert document == {"intents": {"returns": ["MY BOOTS ARE TORN"]}}
    assert (await desk.export(ROOT))["present"] == 1


async def test_learned_activated_and_rolled_back(folder: Path) -> None:
    desk = desk_of(folder)
    waits = (await desk.train(ROOT))["candidate"]
    assert (waits["intents"], waits["fresh"]) == (2, True)
    told = await desk.activate(ROOT, waits["digest"])
    assert (told["used"]["digest"], told["candidate"], told["changed"], told["can_roll_back"]) == (
        waits["digest"], None, False, False,
    )  # fmt: skip
    await desk.add(ROOT, "wrong_item", "not what I ordered", new=True)
    await desk.add(ROOT, "wrong_item", "you sent another thing", new=True)
    told = await desk.train(ROOT)
    assert (told["changed"], told["used"]["fresh"], told["candidate"]["intents"]) == (True, False, 3)
    with pytest.raises(Conflict, match="another now"):
        await desk.activate(ROOT, "0" * 64)
    assert (await desk.activate(ROOT, told["candidate"]["digest"]))["used"]["intents"] == 3
    assert (await desk.roll_back(ROOT))["used"]["intents"] == 2
    assert (await desk.roll_back(ROOT))["used"]["intents"] == 3


async def test_the_commands_errors_are_told(folder: Path) -> None:
    """A process of its own, as on a server; it stops before the model is needed."""
    (folder / "shop.yaml").write_text(yaml.safe_dump({"intents": {"hours": OPENING}}))
    settings = Settings(intents=folder.parent / "own.npz", intents_dir=folder, data_dir=folder.parent)
    with pytest.raises(Invalid, match=r"this is the only intent.*1 errors keep these intents from being learned"):
        await IntentFiles(settings).train()


async def test_without_files_nothing_can_be_changed() -> None:
    desk = desk_of(None)
    told = await desk.show(ROOT)
    assert (told["missing"], told["known"]) == ("intents and intents_dir", ["given", "hours", "returns"])
    with pytest.raises(Conflict, match=r"set intents and intents_dir \(docs/intents.md\)"):
        await desk.train(ROOT)


async def test_for_admins_only(folder: Path) -> None:
    desk, eve = desk_of(folder), Caller(User("eve", "agent", "Eve"))
    for asking in (desk.show(eve), desk.add(eve, "a", "b", new=True), desk.train(eve), desk.export(eve)):
        with pytest.raises(Forbidden):
            await asking
