"""A candidate on the turns that people have labelled: the packs say one label each, so that who is right is known."""

from __future__ import annotations

import pytest

from inference.engine import Engine
from inference.errors import GateError, RegistryError
from inference.intents.trained import TrainedIntents, space_of, trained
from inference.intents.training import fit
from inference.pack import load_pack
from inference.registry.catalogue import Catalogue
from inference.registry.labelled import Labelled, Trial
from inference.registry.paired import MIN_LABELS, Paired
from inference.registry.rollout import Rollout, WorseWithCustomers
from tests.unit.intents.support import clouds, shop
from tests.unit.registry.conftest import Pack

# What packs of a positive and of a negative weight say of every text.
CHAMPION_SAYS, CANDIDATE_SAYS = "weather", "balance"


def turns(right: int, wrong: int, unknown: int = 0) -> list[Labelled]:
    """So many that the champion reads right, that the candidate reads right, and that none could."""
    labels = [CHAMPION_SAYS] * right + [CANDIDATE_SAYS] * wrong + ["no_such_intent"] * unknown
    return [Labelled(f"hello {number}", label, "nlu-1.0.0", "greeting") for number, label in enumerate(labels)]


@pytest.fixture
def versions(catalogue: Catalogue, pack: Pack) -> Catalogue:
    """nlu-1.0.0 answers; nlu-1.1.0 says otherwise of everything."""
    catalogue.add(pack("1.1.0", weight=-1.0))
    return catalogue


def rollout(versions: Catalogue, labelled: list[Labelled], intents: TrainedIntents | None = None) -> Rollout:
    return Rollout(versions, "nlu-1.0.0", None, Trial(labelled, lambda found: found.intent, intents))


@pytest.mark.parametrize("method", ["canary", "promote"])
def test_who_does_worse_with_the_users_own_customers_is_refused_unless_forced(versions: Catalogue, method: str) -> None:
    asked = rollout(versions, turns(60, 40))
    with pytest.raises(WorseWithCustomers, match=r"customers worse than the champion nlu-1.0.0: of 100 ") as caught:
        getattr(asked, method)("nlu-1.1.0")
    assert (caught.value.found.champion_right, caught.value.found.candidate_right) == (60, 40)
    assert "--force" in caught.value.remedy
    assert versions.deployment().revision == 0
    getattr(asked, method)("nlu-1.1.0", force=True)
    [forced] = versions.history()[-1].forced
    assert forced.startswith("of 100 turns that people labelled it reads 40 right, the champion 60 (-20.0 points")


@pytest.mark.parametrize(
    "labelled",
    [
        [],
        turns(MIN_LABELS - 1, 0),  # clearly worse, on too few
        turns(52, 48),  # worse by chance
        turns(40, 60),  # better
        turns(0, 0, unknown=80),  # labels that neither can say
    ],
)
def test_who_may_be_as_good_passes(versions: Catalogue, labelled: list[Labelled]) -> None:
    assert rollout(versions, labelled).promote("nlu-1.1.0").champion == "nlu-1.1.0"


def test_labels_that_neither_can_say_are_left_out_and_the_comparison_is_told(versions: Catalogue) -> None:
    heard: list[Paired] = []
    trial = Trial(turns(30, 20, unknown=10), lambda found: found.intent, told=heard.append)
    found = trial.compare(versions.version("nlu-1.0.0"), versions.version("nlu-1.1.0"))
    assert found is not None
    assert heard == [found]
    assert (found.labels, found.gained, found.lost) == (50, 20, 30)


def test_with_own_intents_the_champion_is_taken_by_what_it_said(versions: Catalogue) -> None:
    candidate = versions.version("nlu-1.1.0")
    own = trained(shop(), fit(clouds(classes=3, each=4, dim=4)), space_of(candidate.manifest))
    says = _said_by(candidate.name, versions, own)
    labelled = [Labelled("hello", says, "nlu-1.0.0", says), Labelled("thanks", says, "nlu-0.9.0", says)]
    found = Trial(labelled, lambda found: found.intent, own).compare(versions.version("nlu-1.0.0"), candidate)
    assert found is not None
    assert (found.labels, found.champion_right, found.candidate_right) == (1, 1, 1)


def test_a_champion_that_changes_meanwhile_is_not_compared_with(versions: Catalogue, pack: Pack) -> None:
    versions.add(pack("1.2.0"))
    other = Rollout(versions, "nlu-1.0.0")

    def interrupted(_: Paired) -> None:
        other.promote("nlu-1.2.0")

    asked = Rollout(versions, "nlu-1.0.0", None, Trial(turns(60, 0), lambda found: found.intent, told=interrupted))
    with pytest.raises(RegistryError, match=r"nlu-1.2.0 has become champion meanwhile") as caught:
        asked.promote("nlu-1.1.0", force=True)
    assert not isinstance(caught.value, GateError)


def _said_by(name: str, versions: Catalogue, own: TrainedIntents) -> str:
    engine = Engine(load_pack(versions.version(name).folder), clock=lambda: 0, cache_entries=0, intents=own)
    return engine.analyse_now(["hello"])[0].intent
