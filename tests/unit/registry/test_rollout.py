"""Changes that the packs must allow: whole files, metrics that hold, intents that fit."""

from __future__ import annotations

import pytest

from inference.errors import GateError, RegistryError
from inference.intents.trained import Space, space_of
from inference.registry.catalogue import Catalogue
from inference.registry.deployment import Canary
from inference.registry.gate import Regression
from inference.registry.rollout import Regressed, Rollout
from tests.unit.registry.conftest import Pack
from tests.unit.registry.support import spoil

WORSE = {"emotions_macro_f1": 0.55, "intent_ece": 0.2}


@pytest.fixture
def rollout(catalogue: Catalogue, pack: Pack) -> Rollout:
    """nlu-1.0.0 answers; 1.1.0 is as good, 1.2.0 worse in two metrics."""
    catalogue.add(pack("1.1.0"))
    catalogue.add(pack("1.2.0", metrics=WORSE))
    return Rollout(catalogue, "nlu-1.0.0")


def space(rollout: Rollout, version: str) -> Space:
    return space_of(rollout.catalogue.version(version).manifest)


def test_from_shadow_to_champion_and_back(rollout: Rollout) -> None:
    assert rollout.shadow("nlu-1.1.0").shadow == "nlu-1.1.0"
    assert rollout.canary("nlu-1.1.0", 0.1).canary == Canary("nlu-1.1.0", 0.1)
    promoted = rollout.promote("nlu-1.1.0")
    assert (promoted.champion, promoted.canary, promoted.previous) == ("nlu-1.1.0", None, (None,))
    back = rollout.rollback()
    assert (back.champion, rollout.champion(back)) == (None, "nlu-1.0.0")
    assert [change.action for change in rollout.catalogue.history()] == [
        "shadow nlu-1.1.0", "canary nlu-1.1.0 --share 0.1", "promote nlu-1.1.0", "rollback",
    ]  # fmt: skip


def test_roles(rollout: Rollout) -> None:
    rollout.promote("nlu-1.1.0")
    deployment = rollout.shadow("nlu-1.2.0")
    names = ("nlu-1.1.0", "nlu-1.2.0", "nlu-1.0.0", "nlu-9")
    assert [rollout.role(name, deployment) for name in names] == ["champion", "shadow", "previous", None]
    deployment = rollout.canary("nlu-1.2.0", force=True)
    assert rollout.role("nlu-1.2.0", deployment) == "canary"


def test_off(rollout: Rollout) -> None:
    rollout.shadow("nlu-1.1.0")
    assert rollout.shadow(None).challenger is None
    rollout.canary("nlu-1.1.0", 0.5)
    assert rollout.canary(None).challenger is None


class TestRemove:
    def test_one_that_nothing_uses(self, rollout: Rollout) -> None:
        rollout.remove("nlu-1.2.0")
        assert [path.name for path in rollout.catalogue.folder.iterdir() if path.is_dir()] == ["nlu-1.1.0"]
        with pytest.raises(RegistryError, match=r"There is no version nlu-1.2.0"):
            rollout.remove("nlu-1.2.0")

    def test_a_broken_one(self, rollout: Rollout) -> None:
        spoil(rollout.catalogue.version("nlu-1.2.0").folder)
        (rollout.catalogue.version("nlu-1.1.0").folder / "manifest.json").unlink()
        rollout.remove("nlu-1.2.0")
        rollout.remove("nlu-1.1.0")
        assert rollout.catalogue.broken() == {}

    def test_none_that_does_something(self, rollout: Rollout) -> None:
        rollout.canary("nlu-1.1.0", 0.5)
        rollout.shadow("nlu-1.2.0")
        for version, role in (("nlu-1.0.0", "champion"), ("nlu-1.1.0", "canary"), ("nlu-1.2.0", "shadow")):
            with pytest.raises(RegistryError, match=rf"{version} is the {role}. Let another version answer first"):
                rollout.remove(version, force=True)
        rollout.shadow(None)
        rollout.promote("nlu-1.1.0")
        with pytest.raises(RegistryError, match=r"nlu-1.0.0 was not added: it stands in "):
            rollout.remove("nlu-1.0.0", force=True)
        assert len(rollout.catalogue.versions()) == 3

    @pytest.mark.parametrize("name", ["../packs", ".", "", "nlu-1.1.0/../nlu-1.2.0"])
    def test_nothing_outside_of_the_folder(self, rollout: Rollout, name: str) -> None:
        with pytest.raises(RegistryError, match="There is no version"):
            rollout.remove(name)
        assert len(rollout.catalogue.versions()) == 3

    def test_the_way_back_only_by_force(self, rollout: Rollout) -> None:
        rollout.promote("nlu-1.1.0")
        rollout.promote("nlu-1.2.0", force=True)
        with pytest.raises(GateError, match="rollback"):
            rollout.remove("nlu-1.1.0")
        assert rollout.remove("nlu-1.1.0", force=True).previous == (None,)
        assert rollout.champion(rollout.rollback()) == "nlu-1.0.0"
        assert "remove nlu-1.1.0 --force" in [change.action for change in rollout.catalogue.history()]


@pytest.mark.parametrize("method", ["canary", "promote"])
class TestGate:
    def test_a_worse_model_is_refused_metric_by_metric(self, rollout: Rollout, method: str) -> None:
        with pytest.raises(Regressed) as caught:
            getattr(rollout, method)("nlu-1.2.0")
        assert caught.value.regressions == [
            Regression("emotions_macro_f1", 0.6, 0.55), Regression("intent_ece", 0.01, 0.2),
        ]  # fmt: skip
        assert "nlu-1.2.0 is worse than the champion nlu-1.0.0 by more than 0.01: " in caught.value.problem
        assert "--force" in caught.value.remedy
        assert rollout.catalogue.deployment().revision == 0

    def test_more_tolerance(self, rollout: Rollout, method: str) -> None:
        getattr(rollout, method)("nlu-1.2.0", tolerance=0.25)
        assert rollout.catalogue.history()[-1].action.endswith("--tolerance 0.25")

    def test_force_is_written_down(self, rollout: Rollout, method: str) -> None:
        getattr(rollout, method)("nlu-1.2.0", force=True)
        change = rollout.catalogue.history()[-1]
        assert change.action.endswith(" --force")
        assert change.forced == (
            "emotions_macro_f1: 0.55, the champion has 0.6", "intent_ece: 0.2, the champion has 0.01",
        )  # fmt: skip

    def test_a_metric_that_was_not_measured(self, rollout: Rollout, method: str, pack: Pack) -> None:
        rollout.catalogue.add(pack("1.3.0", metrics={"emotions_macro_f1": None}))
        with pytest.raises(Regressed, match="emotions_macro_f1: not measured"):
            getattr(rollout, method)("nlu-1.3.0")

    def test_it_is_held_against_the_champion_of_the_day(self, rollout: Rollout, method: str, pack: Pack) -> None:
        rollout.catalogue.add(pack("1.3.0", metrics={"emotions_macro_f1": 0.9}))
        rollout.promote("nlu-1.3.0")
        with pytest.raises(Regressed, match=r"the champion nlu-1.3.0"):
            getattr(rollout, method)("nlu-1.1.0")

    def test_a_champion_that_is_gone_can_not_be_compared(self, rollout: Rollout, method: str) -> None:
        gone = Rollout(rollout.catalogue, "nlu-0.9.0")
        with pytest.raises(GateError, match=r"can't be compared with the champion: There is no version nlu-0.9.0"):
            getattr(gone, method)("nlu-1.1.0")
        getattr(gone, method)("nlu-1.1.0", force=True)
        assert "can't be compared" in rollout.catalogue.history()[-1].forced[0]

    def test_force_does_not_mend_a_pack(self, rollout: Rollout, method: str) -> None:
        spoil(rollout.catalogue.version("nlu-1.1.0").folder)
        with pytest.raises(RegistryError, match=r"nlu-1.1.0 is broken") as caught:
            getattr(rollout, method)("nlu-1.1.0", force=True)
        assert not isinstance(caught.value, GateError)


def test_a_broken_shadow_is_refused(rollout: Rollout) -> None:
    spoil(rollout.catalogue.version("nlu-1.1.0").folder)
    with pytest.raises(RegistryError, match=r"wrong digest"):
        rollout.shadow("nlu-1.1.0")
    with pytest.raises(RegistryError, match=r"Did you mean nlu-1.1.0\?"):
        rollout.shadow("nlu-1.1.1")


def test_a_shadow_may_be_worse(rollout: Rollout) -> None:
    assert rollout.shadow("nlu-1.2.0").shadow == "nlu-1.2.0"


def test_the_settings_champion_is_one_too(rollout: Rollout) -> None:
    for change in (rollout.shadow, rollout.canary):
        with pytest.raises(RegistryError, match=r"nlu-1.0.0 is the champion"):
            change("nlu-1.0.0")
    pinned = rollout.promote("nlu-1.0.0")
    assert (pinned.champion, rollout.rollback().champion) == ("nlu-1.0.0", None)


def test_no_way_back_to_a_broken_champion(rollout: Rollout, pack: Pack) -> None:
    rollout.promote("nlu-1.1.0")
    rollout.catalogue.add(pack("1.3.0"))
    rollout.promote("nlu-1.3.0")
    spoil(rollout.catalogue.version("nlu-1.1.0").folder)
    with pytest.raises(RegistryError, match=r"nlu-1.1.0 is broken"):
        rollout.rollback()
    assert rollout.catalogue.deployment().champion == "nlu-1.3.0"


class TestOwnIntents:
    def test_of_another_model_they_stop_a_promotion(self, rollout: Rollout) -> None:
        own = Rollout(rollout.catalogue, "nlu-1.0.0", space(rollout, "nlu-1.0.0"))
        for force in (False, True):
            with pytest.raises(GateError) as caught:
                own.promote("nlu-1.1.0", force=force)
        assert "were trained on the embedding of nlu-1.0.0, not of nlu-1.1.0" in caught.value.problem
        folder = rollout.catalogue.version("nlu-1.1.0").folder
        assert f"`parlance intents train FOLDER --model {folder} --out FILE`" in caught.value.remedy

    def test_trained_on_the_candidate_they_let_it_pass(self, rollout: Rollout) -> None:
        own = Rollout(rollout.catalogue, "nlu-1.0.0", space(rollout, "nlu-1.1.0"))
        assert own.promote("nlu-1.1.0").champion == "nlu-1.1.0"

    @pytest.mark.parametrize("trained_on", ["nlu-1.0.0", "nlu-1.1.0"])
    def test_one_file_does_not_serve_two_who_answer(self, rollout: Rollout, trained_on: str) -> None:
        own = Rollout(rollout.catalogue, "nlu-1.0.0", space(rollout, trained_on))
        with pytest.raises(GateError, match="Only one version can read them, so no other can be a canary"):
            own.canary("nlu-1.1.0", 0.1, force=True)
        assert own.canary(None).revision == 0

    def test_they_stop_neither_a_shadow_nor_the_way_back(self, rollout: Rollout) -> None:
        rollout.promote("nlu-1.1.0")
        own = Rollout(rollout.catalogue, "nlu-1.0.0", space(rollout, "nlu-1.1.0"))
        own.shadow("nlu-1.2.0")
        assert own.rollback().champion is None
        assert own.misfit(rollout.catalogue.version("nlu-1.0.0")) is not None
        assert own.misfit(rollout.catalogue.version("nlu-1.1.0")) is None
