"""Own intents in an analysis, the engine and the answer: sure ones replace the model's, others are asked about."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.rewards import Before
from inference.analysis import Analysis
from inference.engine import Engine
from inference.intents.apply import apply
from inference.intents.table import tabulate
from inference.intents.trained import TrainedIntents, space_of, to_bytes, trained
from inference.intents.training import fit
from inference.pack import load_pack
from server.chat.memory import LastAnswer, Memory, rebuild
from server.chat.writer import BuiltInWriter, Situation, Written, with_intents
from server.cli.intents_learning import embedder
from server.contents import read_contents, read_intents
from server.errors import StartupError
from server.settings import Settings
from server.store.ports import PastTurn
from tests.unit.inference.support import analysis as plain
from tests.unit.intents.support import SPACE, embed, shop
from tests.unit.writer.support import book, persona

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "models_onnx" / "nlu"
SHOP = trained(shop(), fit(tabulate(shop(), embed)), SPACE)


def counting() -> int:
    return 0


def with_threshold(found: TrainedIntents, threshold: float) -> TrainedIntents:
    return replace(found, manifest=msgspec.structs.replace(found.manifest, threshold=threshold))


def read(text: str, threshold: float) -> Analysis:
    return apply([replace(plain(), embedding=embed([text])[0])], with_threshold(SHOP, threshold))[0]


class TestApply:
    def test_a_sure_intent_replaces_the_models(self) -> None:
        found = read("are you open on Sundays", 0.3)
        assert (found.intent, found.sure) == ("hours", True)
        assert found.intents[0] == ("hours", found.intent_confidence)
        assert found.out_of_scope <= 1.0 - found.intent_confidence

    def test_an_unsure_one_is_told_as_such(self) -> None:
        found = read("are you open on Sundays", 1.0)
        assert (found.intent, found.sure, found.out_of_scope) == ("hours", False, plain().out_of_scope)

    def test_nothing_else_changes(self) -> None:
        found = read("opening hours", 0.0)
        own = {"intent", "intent_confidence", "intents", "out_of_scope", "sure", "embedding"}
        others = [name for name in Analysis.__dataclass_fields__ if name not in own]
        assert [getattr(found, name) for name in others] == [getattr(plain(), name) for name in others]

    def test_of_no_texts_there_is_nothing_to_say(self) -> None:
        assert apply([], SHOP) == []


@pytest.fixture(scope="module")
def taught() -> TrainedIntents:
    pack = load_pack(MODEL)
    found = read_intents(ROOT / "docs" / "intents-example")
    embed_texts = embedder(Engine(pack, clock=counting, cache_entries=0))
    return trained(found, fit(tabulate(found, embed_texts)), space_of(pack.manifest))


class TestEngine:
    async def test_speaks_with_the_users_intents(self, taught: TrainedIntents) -> None:
        engine = Engine(load_pack(MODEL), clock=counting, intents=taught)
        found = await engine.analyse("hello, where is my refund?", timeout_s=30.0)
        again = await engine.analyse("hello, where is my refund?", timeout_s=30.0)
        await engine.close()
        assert (found.intent, found.sure) == ("refund_status", True)
        assert (again.intent, again.sure, again.cached) == ("refund_status", True, True)

    def test_texts_that_are_no_business_of_the_shop_are_mostly_unsure(self, taught: TrainedIntents) -> None:
        engine = Engine(load_pack(MODEL), clock=counting, intents=taught)
        foreign = ["what is the capital of France", "tell me a joke", "translate bread into Spanish", "who are you"]
        own = ["has my package left yet", "do you fix zips", "how late are you open", "gift card code not accepted"]
        assert sum(one.sure is True for one in engine.analyse_now(foreign)) <= 1
        assert sum(one.sure is True for one in engine.analyse_now(own)) >= 3


class TestAnswer:
    writer = BuiltInWriter(with_intents(book(), {"hours": "When are you open?", "stock": "Is it there?"}))

    def said(self, *, asked_back: bool = False, seed: int = 0, **changes: Any) -> Written:
        guesses = (("hours", 0.45), ("stock", 0.4), ("returns", 0.05))
        found = replace(
            plain(), intent="hours", intent_confidence=0.45, intents=guesses, act="question", out_of_scope=0.9
        )
        text = "is that there at all these days"
        situation = Situation(replace(found, **changes), persona(), text, 2, (), None, None, asked_back=asked_back)
        return self.writer.write(situation, random.Random(seed))

    def test_unsure_asks_back_with_the_two_best(self) -> None:
        answer = self.said(sure=False)
        assert answer.kind == "clarification"
        assert answer.suggestions[:2] == ("When are you open?", "Is it there?")

    def test_after_a_second_failure_a_person_is_offered(self) -> None:
        assert self.said(sure=False, asked_back=True).kind == "handover"

    def test_sure_is_answered_though_the_model_finds_it_foreign(self) -> None:
        answer = self.said(sure=True)
        assert (answer.kind, answer.intent) == ("question", "hours")

    def test_an_intent_without_phrases_is_spoken_of_in_the_words_of_its_button(self) -> None:
        intents = with_intents(book(), {"damaged": "Something arrived broken.", "odd_one": "…?"}).intents
        assert intents["damaged"].topic == "“Something arrived broken”"
        assert intents["odd_one"].topic == "odd one"
        answers = {self.said(sure=False, seed=seed).text for seed in range(40)}
        assert any("“When are you open” or what's in stock?" in answer for answer in answers)
        assert not any("hours" in answer for answer in answers)

    def test_a_greeting_stays_a_greeting(self) -> None:
        answer = self.said(sure=False, act="greeting", asked_back=True)
        assert answer.kind == "greeting"
        assert answer.intent is None  # or the guess would be the topic that the next turn goes on about

    def test_without_own_intents_it_is_asked_again(self) -> None:
        assert self.said(out_of_scope=0.1, intent_confidence=0.2, asked_back=True).kind != "handover"

    def test_phrases_of_files_stay(self) -> None:
        named = next(intent for intent in book().intents.values() if intent.pools)
        own = with_intents(book(), {named.name: "My words"}).intents[named.name]
        assert (own.example, own.pools, own.topic) == ("My words", named.pools, named.topic)


def test_memory_keeps_that_it_asked_back_also_over_a_restart() -> None:
    memory, written = Memory(), Written("What do you mean?", (), (), "clarification")
    memory.answered(LastAnswer(None, Before(0.0), 0), written, 2)
    assert memory.asked_back
    past = PastTurn("t1", None, None, "hm", {}, memory.notes(written), 0, 1)
    assert rebuild([past]).asked_back
    memory.answered(LastAnswer(None, Before(0.0), 0), replace(written, kind="other"), 4)
    assert not memory.asked_back


class TestSetting:
    def test_the_file_is_read_at_the_start(self, taught: TrainedIntents, tmp_path: Path) -> None:
        path = tmp_path / "shop.npz"
        path.write_bytes(to_bytes(taught))
        contents = read_contents(Settings(intents=path))
        assert contents.intents is not None
        assert contents.intents.manifest.labels == taught.manifest.labels
        assert read_contents(Settings()).intents is None

    def test_one_of_another_model_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.npz"
        path.write_bytes(to_bytes(SHOP))
        with pytest.raises(StartupError, match=r"other.npz was trained on the embedding of nlu-0.0.1"):
            read_contents(Settings(intents=path))

    def test_a_missing_one_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StartupError, match=r"gone.npz can't be read: No such file"):
            read_contents(Settings(intents=tmp_path / "gone.npz"))
