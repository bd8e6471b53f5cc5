"""A turn of a customer who is in an experiment: what is said, shown, recorded and learned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, Variant
from server.chat.relief import Relief
from server.chat.trials import Trials
from server.chat.writer import Written
from server.errors import Unavailable
from server.store.experiment_ports import Exposure
from server.store.ports import Answer, Changed, Handoff
from server.wire.parts import ExperimentRef
from tests.unit.chat.answering import ALICE, BOT, FakeAuthor, House, turn
from tests.unit.chat.house import event_message
from tests.unit.chat.laboratory import Bench, hold_out
from tests.unit.chat.test_memory import analysis


def only(*changes: Change) -> Experiment:
    """An experiment whose second variant alice gets."""
    own = Experiment("e", (Variant("today"), Variant("new", 1, changes)), ("satisfaction",)).start(1)
    salt = next(
        f"s{number}" for number in range(99) if replace(own, salt=f"s{number}").allocation.variant("alice", {}) == "new"
    )
    return replace(own, salt=salt)


def house(trials: Trials, turns: int = 1) -> House:
    made = House(trials=trials)
    made.engine.results = [analysis(-0.5) for _ in range(turns)]
    return made


async def answered(trials: Trials, turns: int = 1) -> tuple[House, list[Answer]]:
    made = house(trials, turns)
    bot = made.bot()
    for number in range(turns):
        assert await bot.answer(turn(2 * number + 1), False)
    return made, made.store.answers


async def test_the_wire_and_the_ledger_know_of_it() -> None:
    made, (first, second) = await answered(Bench().trials(only(Change("trait_overrides", {"humor": 0.9}))), turns=2)
    assert first.shown is not None and first.shown.experiment == ExperimentRef("e", "new")
    assert first.shown.for_customer().experiment is None
    assert first.trial is not None and second.trial is not None
    assert first.trial.exposures == (Exposure("e", "alice", "new", made.clock.wall_ms),)
    assert (first.trial.user_id, first.trial.sentiment_score, first.trial.reply_to_ms) == ("alice", -0.5, None)
    assert second.trial.exposures == () and second.trial.reply_to_ms == first.at_ms
    assert [situation.persona.traits["humor"] for situation in made.writer.situations] == [0.9, 0.9]
    assert first.decision is not None and first.decision.policy == "uniform", "the server's policy still decides"


async def test_who_is_in_none_is_served_as_ever() -> None:
    made, (answer,) = await answered(Bench().trials())
    assert answer.trial is None and answer.shown is not None and answer.shown.experiment is None
    assert made.writer.situations[0].persona.traits["humor"] == 0.5


async def test_a_persona_of_the_variant_is_logged_as_such() -> None:
    _, (answer,) = await answered(Bench().trials(only(Change("persona", {"name": "warm"}))))
    chosen = answer.decision
    assert chosen is not None and answer.shown is not None
    assert (chosen.policy, chosen.arm, chosen.arms) == ("experiment:e:new", "warm", ("warm",))
    assert (chosen.propensity, chosen.probabilities) == (1.0, (1.0,))
    assert (answer.shown.persona, answer.shown.policy) == ("warm", "experiment:e:new")


async def test_a_language_model_hears_of_the_variants_parameters() -> None:
    heard: list[dict[str, object]] = []

    class Listening(FakeAuthor):
        async def rewrite(self, answer: Answer, written: Written, **known: object) -> tuple[Answer, Written]:
            heard.append(known)
            return await super().rewrite(answer, written, **known)

    made = house(Bench().trials(only(Change("model_parameters", {"temperature": 1.1, "max_tokens": 90}))))
    made.author = Listening()
    assert await made.bot().answer(turn(1), False)
    assert heard[0]["parameters"] == {"temperature": 1.1, "max_tokens": 90}
    assert made.store.answers[0].text == "better words"


async def test_flow_rules_over_a_conversation() -> None:
    """Doubtful twice: guessed at first, asked about as it is still the same; and then a person takes over."""
    bench = Bench()
    flow = Change("flow", {"clarification": "after_failure", "max_turns": 2, "handoff_threshold": 0.9})
    made = house(bench.trials(only(flow)))
    doubtful = replace(analysis(), intent="order_status", intent_confidence=0.2)
    made.engine.results = [doubtful, doubtful, replace(analysis(), urgency=0.95)]
    bot = made.bot()
    for number in (1, 3, 5):
        assert await bot.answer(turn(number), False)
    assert [situation.analysis.sure for situation in made.writer.situations] == [True, None, None]
    assert [reason for _, reason in bench.handed] == ["2 turns without an end", "3 turns without an end"]


async def test_the_hold_out_is_logged_as_such() -> None:
    _, (answer,) = await answered(Bench().trials(hold_out=hold_out(1.0)))
    chosen = answer.decision
    assert chosen is not None
    assert (chosen.policy, chosen.propensity, chosen.probabilities) == ("linucb:holdout", 0.5, (0.5, 0.5))
    assert answer.trial is None


async def test_a_template_is_what_the_customer_reads() -> None:
    _, (answer,) = await answered(Bench().trials(only(Change("reply_templates", {"question": "One moment."}))))
    assert answer.text == "One moment."


async def test_what_is_doubtful_stays_so_whatever_the_writer_is_told() -> None:
    made = house(Bench().trials(only(Change("flow", {"clarification": "after_failure"}))))
    made.engine.results = [replace(analysis(), intent_confidence=0.2)]
    await made.bot().answer(turn(1), False)
    (answer,) = made.store.answers
    assert made.writer.situations[0].analysis.sure is True
    assert answer.doubt is not None and answer.doubt.confidence == 0.2


async def test_an_apology_is_no_part_of_an_experiment() -> None:
    made = house(Bench().trials(only(Change("flow", {"max_turns": 1}))))
    made.engine.results.clear()
    made.engine.results.append(ValueError("a bug"))
    assert await made.bot().answer(turn(1), True)
    assert made.store.answers[0].trial is None


async def test_a_refused_answer_showed_nothing() -> None:
    bench = Bench()
    made = house(bench.trials(only(Change("flow", {"max_turns": 1}))), turns=2)
    made.store.open_turns = False
    bot = made.bot()
    assert not await bot.answer(turn(1), False)
    assert bench.handed == []
    made.store.open_turns = True
    assert await bot.answer(turn(1), False)
    trial = made.store.answers[0].trial
    assert trial is not None and trial.exposures
    assert bench.handed == [("conv:c", "1 turns without an end")]


class TestRelief:
    """In place of somebody who asks."""

    @staticmethod
    def relief(made: House, bench: Bench) -> Relief:
        return Relief(
            store=made.store,  # type: ignore[arg-type]
            fanout=made.fanout,  # type: ignore[arg-type]
            identity=BOT,
            clock=bench.clock,
            new_id=lambda: "m9",
            metrics=bench.metrics,
        )

    async def test_the_conversation_waits_and_everybody_hears_of_it(self) -> None:
        made, bench, asked = House(), Bench(), list[Handoff]()
        said = event_message("conv:c", "waiting")

        async def hand_over(handoff: Handoff) -> Changed:
            asked.append(handoff)
            return Changed("waiting", None, said, (said,) if len(asked) == 1 else ())

        made.store.handoff = hand_over  # type: ignore[attr-defined]
        relief = self.relief(made, bench)
        await relief("conv:c", "urgency 0.90")
        await relief("conv:c", "urgency 0.95")
        assert asked[0] == Handoff("conv:c", BOT, "urgency 0.90", "m9", bench.clock.wall_ms)
        assert made.fanout.messages == [said]
        assert bench.metrics.handoffs._value.get() == 1, "who waits already is not handed over again"

    @pytest.mark.parametrize("error", [Unavailable("away"), ValueError("a bug")])
    async def test_a_failure_is_not_the_turns(self, error: Exception) -> None:
        made, bench = House(), Bench()

        async def away(_handoff: Handoff) -> Changed:
            raise error

        made.store.handoff = away  # type: ignore[attr-defined]
        await self.relief(made, bench)("conv:c", "urgency 0.90")
        assert bench.metrics.handoffs._value.get() == 0


def test_alice_is_the_one() -> None:
    assert only().allocation.variant(ALICE.id, {}) == "new"
