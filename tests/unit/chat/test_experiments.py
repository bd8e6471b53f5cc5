"""Experiments as they are handled: made, started, widened, ended, read, and stopped by their own rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from adapters.experiments.assignment import Slice
from adapters.experiments.design import DAY_MS, Experiment
from adapters.experiments.documents import to_document
from adapters.experiments.metrics import METRICS
from adapters.experiments.observations import totals_of, units_of
from server.chat.examiner import BY, Examiner, verdict_of
from server.chat.experiment_office import MAX_AHEAD_MS, ExperimentOffice
from server.chat.experiments import Read, window_of
from server.chat.outcomes import observations_of, report_of, told
from server.errors import Conflict, Forbidden, Invalid, NotFound
from server.store.experiment_ports import UnitRecord, Window
from tests.unit.chat.house import caller
from tests.unit.chat.laboratory import TONE, Bench, running
from tests.unit.experiments.support import assert_not_above

NEW = {
    key: value
    for key, value in to_document(TONE).items()
    if key not in ("state", "started_ms", "completed_ms", "winner")
}
RATED = replace(TONE, metrics=("satisfaction", "engagement_rate"), min_units=50, planned_units=1_000)


def record(unit: str, variant: str, rating: float | None = None, **told: Any) -> UnitRecord:
    rated = {} if rating is None else {"rating_sum": rating, "ratings": 1}
    return UnitRecord(unit, variant, 0, **{"conversations": 1, "turns": 1, "answers": 1, **rated, **told})


def group(variant: str, ratings: Any, **told: Any) -> list[UnitRecord]:
    return [record(f"{variant}-{at}", variant, float(rating), **told) for at, rating in enumerate(ratings)]


TWO: dict[str, Any] = {
    "id": "both",
    "factors": [
        {"name": "tone", "levels": [{"name": "today"}, {"name": "warm", "changes": [
            {"kind": "trait_overrides", "values": {"empathy": 0.9}}]}]},
        {"name": "reach", "levels": [{"name": "as ever"}, {"name": "soon", "changes": [
            {"kind": "flow", "values": {"max_turns": 4}}]}]},
    ],
    "metrics": ["satisfaction"], "min_units": 50, "planned_units": 800,
}  # fmt: skip


class TestTwoFactors:
    async def test_made_assigned_and_read_over_rest(self) -> None:
        bench = Bench()
        made = bench.experiments()
        office = ExperimentOffice(experiments=made, store=bench.store, clock=bench.clock)
        admin = caller("admin", "ada")
        document = await office.create(admin, TWO)
        names = [variant["name"] for variant in document["variants"]]
        assert names == ["today×as ever", "today×soon", "warm×as ever", "warm×soon"]
        assert [factor["name"] for factor in document["factors"]] == ["tone", "reach"]
        own = (await made.start("both", "ada")).experiment
        trials = bench.trials()
        await trials.look()
        rng = np.random.default_rng(3)
        for number in range(800):
            found = trials.part(f"u{number}", dict, {}, 7)
            assert found.ref is not None and found.ref.variant == own.allocation.variant(f"u{number}", {})
            treatment = found.treatment
            warm, soon = bool(treatment.traits_to), treatment.max_turns is not None
            assert found.ref.variant == f"{'warm' if warm else 'today'}×{'soon' if soon else 'as ever'}"
            rating = float(np.clip(0.5 + 0.2 * warm + 0.1 * rng.normal(), 0, 1))
            bench.ledger.records.append(record(f"u{number:04}", found.ref.variant, rating))
        report = await office.report(admin, "both")
        tone, reach, together = report["effects"]["satisfaction"]
        assert (tone["effect"], tone["level"], tone["better"]) == ("tone", "warm", True)
        assert tone["significant"] and tone["ci"][0] < 0.8 < tone["ci"][1], "0.2 of 4 stars"
        assert not reach["significant"] and not together["significant"]
        assert any("tone warm is better than today" in sentence for sentence in report["insights"])

    async def test_the_factors_replace_a_templates_variants(self) -> None:
        made = await Bench().experiments().create({**TWO, "template": "response_style", "planned_units": 400}, "ada")
        assert len(made.experiment.variants) == 4 and made.experiment.metrics == ("satisfaction",)


class TestVerbs:
    async def test_a_life_with_its_history(self) -> None:
        bench, told_of = Bench(), []

        async def changed() -> None:
            told_of.append(len(bench.ledger.log["tone"]))

        own = bench.experiments(changed=changed)
        made = await own.create(NEW, "ada")
        assert made.experiment == TONE and made.row.revision == 1
        await own.ramp("tone", 0.5, "ada")
        await own.start("tone", "bob")
        await own.pause("tone", "bob")
        await own.start("tone", "bob")
        done = await own.complete("tone", "friendly", "ada", "good enough " * 99)
        assert (done.experiment.state, done.experiment.winner, done.experiment.exposure) == (
            "completed",
            "friendly",
            0.5,
        )
        assert (await own.withdraw("tone", "eve")).experiment.winner is None
        history = await own.history("tone")
        assert [(row.revision, row.verb, row.by) for row in history] == [
            (1, "create", "ada"), (2, "ramp", "ada"), (3, "start", "bob"), (4, "pause", "bob"), (5, "start", "bob"),
            (6, "complete", "ada"), (7, "withdraw", "eve"),
        ]  # fmt: skip
        assert len(history[5].note or "") == 500
        assert told_of == [1, 2, 3, 4, 5, 6, 7], "and every worker is told each time"
        assert [found.experiment.id for found in await own.all()] == ["tone"]

    async def test_a_template_and_what_differs_from_it(self) -> None:
        own = Bench().experiments()
        made = (await own.create({"template": "response_style", "id": "mine", "alpha": 0.01}, "ada")).experiment
        assert (made.id, made.alpha, made.planned_units, made.state) == ("mine", 0.01, 500, "draft")
        assert (await own.create({"template": "personality"}, "ada")).experiment.id == "personality"

    async def test_a_draft_is_rewritten_whole_and_nothing_else_is(self) -> None:
        own = Bench().experiments()
        made = await own.create(NEW, "ada")
        edited = await own.edit("tone", {**NEW, "alpha": 0.01}, made.row.revision, "bob")
        assert (edited.experiment.alpha, edited.row.revision, edited.row.verb, edited.row.by) == (
            0.01,
            2,
            "edit",
            "bob",
        )
        with pytest.raises(Conflict, match="changed meanwhile"):
            await own.edit("tone", NEW, 1, "ada")
        with pytest.raises(Invalid, match="the id stays"):
            await own.edit("tone", {**NEW, "id": "other"}, 2, "ada")
        with pytest.raises(Invalid, match="no metric"):
            await own.edit("tone", {**NEW, "metrics": ["x"]}, 2, "ada")
        await own.start("tone", "ada")
        with pytest.raises(Conflict, match="is running: only draft ones can edit"):
            await own.edit("tone", NEW, 3, "ada")

    async def test_every_template_can_be_made_as_it_is_offered(self) -> None:
        bench = Bench()
        own = bench.experiments()
        office = ExperimentOffice(experiments=own, store=bench.store, clock=bench.clock)
        offered = office.templates(caller("admin", "root"))
        assert [one["name"] for one in offered] == ["response_style", "personality"]
        for one in offered:
            made = await office.create(caller("admin", "root"), {**one["experiment"], "id": f"my-{one['name']}"})
            assert (made["state"], made["variants"]) == ("draft", one["experiment"]["variants"])
        with pytest.raises(Forbidden):
            office.templates(caller("customer"))

    async def test_the_same_again_is_what_there_is(self) -> None:
        own = Bench().experiments()
        first = await own.create(NEW, "ada")
        assert (await own.create(NEW, "bob")).row == first.row
        with pytest.raises(Conflict):
            await own.create({**NEW, "alpha": 0.01}, "ada")

    @pytest.mark.parametrize(("document", "sentence"), [
        ({"metrics": ["satisfacton"]}, "Did you mean 'satisfaction'"),
        ({"template": "response_stile"}, "Did you mean 'response_style'"),
        ({"template": 7}, "give a text"),
        ({"state": "running"}, "state is not for a new experiment"),
        ({"winner": "friendly"}, "winner is not for a new experiment"),
        ({"gaol": "x"}, "no key of an experiment"),
        ({"variants": [{"name": "a"}, {"name": "b", "changes": [{"kind": "persona", "values": {"name": "x"}}]}]},
         "there is no persona 'x'"),
    ])  # fmt: skip
    async def test_what_is_refused(self, document: dict[str, Any], sentence: str) -> None:
        with pytest.raises(Invalid, match=sentence):
            await Bench().experiments().create({**NEW, **document}, "ada")

    async def test_a_salt_is_never_used_twice(self) -> None:
        own = Bench().experiments()
        await own.create(NEW, "ada")
        for again in ({"id": "b", "salt": "tone"}, {"id": "c", "salt": "x"}, {"id": "d", "salt": "x"}):
            if again["id"] == "c":
                await own.create({**NEW, **again}, "ada")
                continue
            with pytest.raises(Conflict, match="both would split users alike"):
                await own.create({**NEW, **again}, "ada")

    async def test_slices_of_a_layer_do_not_overlap(self) -> None:
        bench = Bench()
        own = bench.experiments()
        bench.ledger.keep(
            running(id="a", slice=Slice("style", 0, 500_000)),
            replace(TONE, id="b", slice=Slice("style", 400_000, 600_000)),
            replace(TONE, id="c", slice=Slice("style", 500_000, 600_000)),
        )
        with pytest.raises(Conflict, match="'a' has users of the same slice of the layer 'style'"):
            await own.start("b", "ada")
        await own.start("c", "ada")

    async def test_what_a_state_does_not_allow(self) -> None:
        bench = Bench()
        bench.ledger.keep(running())
        with pytest.raises(Conflict, match="is running: only draft or paused ones can start"):
            await bench.experiments().start("tone", "ada")
        with pytest.raises(NotFound):
            await bench.experiments().start("none", "ada")

    async def test_what_another_release_wrote(self) -> None:
        bench = Bench()
        bench.ledger.keep(running())
        bench.ledger.log["tone"][0] = replace(bench.ledger.log["tone"][0], document={"id": "tone", "new": 1})
        with pytest.raises(Conflict, match="written by another release"):
            await bench.experiments().one("tone")


class TestOutcomes:
    NOW_MS = 20 * DAY_MS

    def window(self, own: Experiment = RATED) -> Window:
        return window_of(own.start(0), self.NOW_MS, 600_000)

    def values(self, *records: UnitRecord) -> dict[str, list[float]]:
        found = observations_of(RATED, records, self.window())
        return {name: column.tolist() for name, column in found.columns.items()}

    def test_every_metric_has_its_columns(self) -> None:
        found = observations_of(RATED, [record("u", "today")], self.window())
        assert {column for metric in METRICS.values() for column in metric.columns} == set(found.columns)

    def test_a_users_values(self) -> None:
        own = record(
            "u", "today", conversations=2, turns=5, replies=3, answers=4, response_ms_sum=100, sentiment_sum=-0.6,
            sentiments=3, handoffs=1, resolved=2, rating_sum=1.5, ratings=2, returns=1, goals=3,
        )  # fmt: skip
        found = {name: values[0] for name, values in self.values(own).items()}
        assert found == {
            "replies": 3, "answers": 4, "turns": 2.5, "response_ms": 20, "sentiment_score": pytest.approx(-0.2),
            "rating": 4.0, "returned": 1, "converted": 1, "handoffs": 1, "conversations": 2, "resolved": 2,
        }  # fmt: skip

    def test_what_is_not_known_stays_so(self) -> None:
        found = self.values(record("u", "today"))
        assert np.isnan([found["rating"][0], found["sentiment_score"][0]]).all()
        assert (found["converted"], found["replies"]) == ([0.0], [0.0])

    def test_nobody_is_said_to_have_stayed_before_the_time_is_over(self) -> None:
        young = self.NOW_MS - 7 * DAY_MS + 1
        records = [replace(record(name, "today", returns=1), exposed_ms=at) for name, at in (("a", young), ("b", 0))]
        found = self.values(*records)["returned"]
        assert np.isnan(found[0]) and found[1] == 1.0

    def test_a_completed_experiment_is_read_as_it_ended(self) -> None:
        own = RATED.start(0).complete(5_000_000)
        assert window_of(own, self.NOW_MS, 600_000) == Window("tone", 5_000_000, 4_400_000, 7 * DAY_MS)

    def test_a_variant_that_was_removed_by_hand_is_left_out(self) -> None:
        found = observations_of(RATED, [record("u", "gone"), record("v", "friendly")], self.window())
        assert units_of(found).counts.tolist() == [0, 1]
        assert totals_of(found, units_of(found), METRICS["satisfaction"])[1].unknown == 1

    def test_nobody_yet(self) -> None:
        own, window = RATED.start(0), self.window()
        assert report_of(own, [], window) is None
        shown = told(own, None, window)
        assert (shown["units"], shown["verdict"]["action"]) == ({"today": 0, "friendly": 0}, "continue")

    def test_a_variant_without_anybody_is_a_mismatch(self) -> None:
        report = report_of(RATED.start(0), group("today", [0.5] * 80), self.window())
        assert report is not None and report.verdict.action == "blocked"
        assert "Sample-ratio mismatch" in report.insights[0]

    def test_shares_of_weights(self) -> None:
        own = replace(RATED, variants=(replace(RATED.variants[0], weight=3), RATED.variants[1])).start(0)
        rng = np.random.default_rng(0)
        records = [*group("today", rng.random(300)), *group("friendly", rng.random(100))]
        report = report_of(own, records, self.window())
        assert report is not None and report.srm_p_value > 0.9


class TestAutomaticStop:
    @staticmethod
    def examiner(bench: Bench, *, stops: bool = True, **options: Any) -> Examiner:
        experiments = bench.experiments(**options)
        return Examiner(
            store=bench.store, experiments=experiments, metrics=bench.metrics, every_ms=600_000, stops=stops
        )

    @staticmethod
    def bench(own: Experiment, records: list[UnitRecord]) -> Bench:
        bench = Bench()
        bench.clock.wall_ms = 3 * DAY_MS
        bench.ledger.keep(own)
        bench.ledger.records = sorted(records, key=lambda one: one.unit)
        return bench

    @staticmethod
    def better() -> list[UnitRecord]:
        rng = np.random.default_rng(0)
        return [*group("today", rng.beta(2, 3, 300)), *group("friendly", rng.beta(4, 2, 300))]

    async def test_the_winner_is_kept_and_the_history_says_why(self) -> None:
        bench = self.bench(RATED.start(1), self.better())
        await self.examiner(bench).look()
        row = await bench.ledger.experiment("tone")
        assert (row.state, row.verb, row.by) == ("completed", "complete", BY)
        assert row.note == "friendly is better on satisfaction, and no guardrail forbids it."
        assert (row.document["winner"], row.document["completed_ms"]) == ("friendly", 3 * DAY_MS)

    async def test_one_worker_looks_at_a_time(self) -> None:
        bench = self.bench(RATED.start(1), self.better())
        workers = [self.examiner(bench, stops=False) for _ in range(3)]
        for worker in workers:
            await worker.look()
        assert len(bench.ledger.windows) == 2, "a full page, and the end: by one worker"

    async def test_an_open_guardrail_keeps_it_going(self) -> None:
        """A metric that does not vary and is the same in both would be passed, so the answer times differ."""
        rng = np.random.default_rng(1)
        records = [replace(one, response_ms_sum=int(rng.exponential(5_000))) for one in self.better()]
        bench = self.bench(replace(RATED, guardrails={"response_time": 0.01}).start(1), records)
        await self.examiner(bench).look()
        assert (await bench.ledger.experiment("tone")).state == "running"

    async def test_a_mismatch_stops_nothing_and_says_so(self) -> None:
        bench = self.bench(RATED.start(1), self.better()[:400])
        await self.examiner(bench).look()
        assert (await bench.ledger.experiment("tone")).state == "running"
        assert bench.metrics.experiment_looks.labels("blocked")._value.get() == 1

    async def test_nobody_was_shown_it_in_all_its_time(self) -> None:
        bench = self.bench(replace(RATED, max_days=2).start(1), [])
        await self.examiner(bench).look()
        row = await bench.ledger.experiment("tone")
        assert (row.state, row.document["winner"]) == ("completed", None)
        young = self.bench(RATED.start(1), [])
        await self.examiner(young).look()
        assert (await young.ledger.experiment("tone")).state == "running"

    async def test_switched_off_it_only_looks(self) -> None:
        bench = self.bench(RATED.start(1), self.better())
        await self.examiner(bench, stops=False).look()
        assert (await bench.ledger.experiment("tone")).state == "running"
        assert bench.metrics.experiment_looks.labels("stop")._value.get() == 1

    async def test_what_was_changed_meanwhile_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bench = self.bench(RATED.start(1), self.better())
        examiner = self.examiner(bench)
        read = bench.ledger.unit_records

        async def and_pause(window: Window, after: str | None, limit: int) -> list[UnitRecord]:
            if after is None:
                bench.ledger.keep(RATED.start(1).pause())
            return await read(window, after, limit)

        monkeypatch.setattr(bench.ledger, "unit_records", and_pause)
        await examiner.look()
        assert [row.state for row in bench.ledger.log["tone"]] == ["running", "paused"]

    async def test_one_that_cannot_be_read_keeps_the_others_going(self) -> None:
        bench = self.bench(RATED.start(1), self.better())
        bench.ledger.keep(running(id="a"))
        bench.ledger.log["a"][0] = replace(bench.ledger.log["a"][0], document={"id": "a", "new": 1})
        await self.examiner(bench).look()
        assert (await bench.ledger.experiment("tone")).state == "completed"


class TestLiveFalseAlarms:
    """A/A through what a live experiment goes through: the assignment, the parts of turns, the records, the report."""

    USERS = 500
    RUNS = 24
    LOOKS = 5

    async def run(self, seed: int) -> tuple[bool, float]:
        """Whether anything looked significant at one of the looks, and the p-value of the sample ratio at the end."""
        rng = np.random.default_rng(seed)
        own = replace(
            RATED, id=f"aa-{seed}", metrics=("satisfaction", "engagement_rate", "sentiment"), guardrails={}
        ).start(0)
        made, records, alarm, report = Bench().trials(own), list[UnitRecord](), False, None
        window = window_of(own, 20 * DAY_MS, 600_000)
        for number in range(self.USERS):
            user = f"user-{number}"
            exposure = made.part(user, dict, await made.recall(user), 5).exposures[0]
            records.append(self.behaved(rng, exposure.unit, exposure.variant))
            if (number + 1) % (self.USERS // self.LOOKS) == 0:
                report = report_of(own, records, window)
                assert report is not None
                alarm |= any(row.significant for row in report.findings.rows)
        assert report is not None
        return alarm, report.srm_p_value

    @staticmethod
    def behaved(rng: np.random.Generator, unit: str, variant: str) -> UnitRecord:
        """Users talk as is their nature, about everything they do; half of them rate."""
        nature = rng.beta(2.0, 2.0)
        turns = int(rng.geometric(0.25))
        return record(
            unit, variant, rng.binomial(4, nature) / 4 if rng.random() < 0.5 else None, turns=turns, answers=turns,
            replies=int(rng.binomial(turns - 1, nature)), sentiments=turns,
            sentiment_sum=float(turns * rng.normal(nature, 0.3)),
        )  # fmt: skip

    async def test_an_experiment_of_nothing_cries_wolf_as_rarely_as_it_says(self) -> None:
        found = [await self.run(seed) for seed in range(self.RUNS)]
        assert_not_above(sum(alarm for alarm, _ in found), self.RUNS)
        assert stats.kstest([p_value for _, p_value in found], "uniform").pvalue > 0.001, "each splits users anew"


class TestOffice:
    @staticmethod
    def office(bench: Bench) -> ExperimentOffice:
        return ExperimentOffice(experiments=bench.experiments(), store=bench.store, clock=bench.clock)

    async def test_for_admins_only(self) -> None:
        own = self.office(Bench())
        for who in (caller("customer"), caller("agent"), caller("service")):
            for asked in (own.all(who), own.one(who, "x"), own.report(who, "x"), own.create(who, NEW),
                          own.change(who, lambda all_, by: all_.start("x", by))):  # fmt: skip
                with pytest.raises(Forbidden):
                    await asked

    async def test_what_an_admin_sees(self) -> None:
        own, root = self.office(Bench()), caller("admin", "root")
        made = await own.create(root, NEW)
        assert (made["id"], made["state"], made["revision"], made["changed_by"]) == ("tone", "draft", 1, "root")
        await own.change(root, lambda all_, by: all_.start("tone", by))
        assert [one["state"] for one in await own.all(root)] == ["running"]
        one = await own.one(root, "tone")
        assert [(line["verb"], line["by"]) for line in one["history"]] == [("create", "root"), ("start", "root")]
        assert (await own.report(root, "tone"))["verdict"]["action"] == "continue"

    async def test_events_from_back_ends(self) -> None:
        bench = Bench()
        own, shop = self.office(bench), caller("service", "shop")
        assert await own.event(shop, "carl", "k", "order_placed", None)
        assert (bench.ledger.events[0].at_ms, bench.ledger.events[0].user_id) == (bench.clock.wall_ms, "carl")
        for name, at_ms in (("Order placed", None), ("order", bench.clock.wall_ms + MAX_AHEAD_MS + 1), ("order", -1)):
            with pytest.raises(Invalid):
                await own.event(shop, "carl", "k", name, at_ms)
        with pytest.raises(Forbidden):
            await own.event(caller("customer", "carl"), "carl", "k", "order_placed", None)


def test_verdicts_without_a_report() -> None:
    bench = Bench()
    own = replace(RATED, max_days=2).start(0)
    bench.ledger.keep(own)
    from server.chat.experiments import Found

    found = Found(own, bench.ledger.log["tone"][0])
    for days, action in ((1, "continue"), (2, "stop")):
        assert verdict_of(Read(found, None, window_of(own, days * DAY_MS, 0))).action == action
