"""The transitions of a deployment: one role a version, nothing lost, asking twice is safe."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inference.errors import RegistryError
from inference.registry import deployment as states
from inference.registry.deployment import MAX_PREVIOUS, Canary, Deployment, from_json, in_canary, to_json

NAMES = ("nlu-1.0.0", "nlu-1.1.0", "nlu-1.2.0", "nlu-fast-1.0.0")
names = st.sampled_from(NAMES)
shares = st.floats(0.0, 1.0, exclude_min=True)

Step = Callable[[Deployment], Deployment]
steps: st.SearchStrategy[Step] = st.one_of(
    st.none().map(lambda _: states.rollback),
    names.map(lambda name: lambda d: states.promote(d, name)),
    st.one_of(st.none(), names).map(lambda name: lambda d: states.shadow(d, name)),
    st.tuples(st.one_of(st.none(), names), shares).map(lambda asked: lambda d: states.canary(d, *asked)),
)


def applied(deployment: Deployment, step: Step) -> Deployment:
    """What is refused changes nothing."""
    try:
        return step(deployment)
    except RegistryError:
        return deployment


def folded(walk: list[Step]) -> Deployment:
    deployment = Deployment()
    for step in walk:
        deployment = applied(deployment, step)
    return deployment


deployments = st.lists(steps, max_size=30).map(folded)


@given(deployments)
def test_it_survives_its_file(deployment: Deployment) -> None:
    assert from_json(to_json(deployment)) == deployment


@given(deployments, steps)
def test_a_version_has_one_role(deployment: Deployment, step: Step) -> None:
    after = applied(deployment, step)
    canary = None if after.canary is None else after.canary.version
    used = [name for name in (after.champion, after.shadow, canary) if name is not None]
    assert len(used) == len(set(used))


@given(deployments, steps)
def test_the_revision_counts_changes(deployment: Deployment, step: Step) -> None:
    after = applied(deployment, step)
    assert after.revision == deployment.revision + (after != deployment)


@given(deployments, names, st.one_of(st.none(), names), shares)
def test_asking_twice_changes_nothing_more(deployment: Deployment, name: str, maybe: str | None, share: float) -> None:
    asked: list[Step] = [
        lambda d: states.promote(d, name),
        lambda d: states.shadow(d, maybe),
        lambda d: states.canary(d, maybe, share),
    ]
    for step in asked:
        once = applied(deployment, step)
        assert applied(once, step) is once


@given(deployments, names)
def test_a_rollback_gives_back_the_champion_that_a_promotion_took(deployment: Deployment, name: str) -> None:
    assume(name != deployment.champion)
    back = states.rollback(states.promote(deployment, name))
    assert back.champion == deployment.champion
    assert back.previous == deployment.previous[-MAX_PREVIOUS + 1 :]
    assert back.canary is None


@given(deployments, names)
def test_who_is_promoted_has_no_other_role(deployment: Deployment, name: str) -> None:
    after = states.promote(deployment, name)
    assert after.champion == name
    assert after.challenger != name
    kept = deployment.canary is not None and deployment.canary.version != name
    assert after.canary == (deployment.canary if kept else None)


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", max_size=26), names, shares, shares)
def test_a_conversation_stays_in_a_canary_that_grows(text: str, name: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert in_canary(text, Canary(name, small)) <= in_canary(text, Canary(name, large))
    assert in_canary(text, Canary(name, 1.0))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_canary_gets_its_share(share: float) -> None:
    inside = sum(in_canary(f"conversation-{number}", Canary("nlu-1.1.0", share)) for number in range(10_000))
    # Five standard deviations of a binomial.
    assert abs(inside - 10_000 * share) < 5 * (10_000 * share * (1 - share)) ** 0.5


def test_canaries_of_two_versions_take_different_conversations() -> None:
    both = sum(
        in_canary(f"c{number}", Canary("nlu-1.1.0", 0.5)) and in_canary(f"c{number}", Canary("nlu-1.2.0", 0.5))
        for number in range(10_000)
    )
    assert abs(both - 2_500) < 5 * (10_000 * 0.25 * 0.75) ** 0.5


def test_workers_of_all_releases_agree() -> None:
    # Worked out by hand from the digests: another formula would move conversations between versions half-way.
    assert [number for number in range(40) if in_canary(f"c{number}", Canary("nlu-1.1.0", 0.1))] == [3, 9, 38]


def test_a_story() -> None:
    d = states.shadow(Deployment(), "nlu-1.1.0")
    assert (d.challenger, d.champion) == ("nlu-1.1.0", None)
    d = states.canary(d, "nlu-1.1.0", 0.1)
    assert (d.shadow, d.canary, d.challenger) == (None, Canary("nlu-1.1.0", 0.1), "nlu-1.1.0")
    d = states.canary(d, "nlu-1.1.0", 0.5)
    assert d.canary == Canary("nlu-1.1.0", 0.5)
    d = states.promote(d, "nlu-1.1.0")
    assert d == Deployment("nlu-1.1.0", previous=(None,), revision=4)
    d = states.shadow(d, "nlu-1.2.0")
    d = states.promote(d, "nlu-1.2.0")
    assert (d.champion, d.shadow, d.previous) == ("nlu-1.2.0", None, (None, "nlu-1.1.0"))
    d = states.rollback(states.shadow(d, "nlu-1.1.0"))
    assert (d.champion, d.shadow, d.previous) == ("nlu-1.1.0", None, (None,))
    assert states.rollback(d).champion is None


def test_a_canary_that_is_run_as_shadow_again_answers_nobody() -> None:
    d = states.shadow(states.canary(Deployment(), "nlu-1.1.0", 0.5), "nlu-1.1.0")
    assert (d.shadow, d.canary) == ("nlu-1.1.0", None)


def test_sixteen_champions_are_remembered() -> None:
    d = Deployment()
    for number in range(40):
        d = states.promote(d, f"nlu-{number}")
    assert d.previous == tuple(f"nlu-{number}" for number in range(23, 39))


@pytest.mark.parametrize(("step", "said"), [
    (lambda d: states.shadow(d, "nlu-1.0.0"), "nlu-1.0.0 is the champion"),
    (lambda d: states.canary(d, "nlu-1.0.0", 0.1), "nlu-1.0.0 is the champion"),
    (lambda d: states.canary(d, "nlu-1.1.0", 0.0), "0 is no share"),
    (lambda d: states.canary(d, "nlu-1.1.0", 1.01), "1.01 is no share"),
    (lambda d: states.canary(d, "nlu-1.1.0", float("nan")), "nan is no share"),
    (lambda d: states.rollback(states.rollback(d)), "There is no champion before this one"),
])  # fmt: skip
def test_what_is_refused_says_what_to_do(step: Step, said: str) -> None:
    with pytest.raises(RegistryError) as caught:
        step(states.promote(Deployment(), "nlu-1.0.0"))
    assert said in caught.value.problem
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(("damage", "said"), [
    ({"schema": 2}, "has schema 2, this program reads schema 1"),
    ({"champion": ""}, "$.champion"),
    ({"champion": 7}, "$.champion"),
    ({"canary": {"version": "x", "share": 0.0}}, "$.canary.share"),
    ({"canary": {"version": "x", "share": 1.5}}, "$.canary.share"),
    ({"canary": {"version": "x"}}, "share"),
    ({"canary": {"version": "x", "share": 0.5, "percent": 50}}, "percent"),
    ({"previous": ["x"] * 17}, "$.previous"),
    ({"revision": -1}, "$.revision"),
    ({"chapmion": "x"}, "chapmion"),
])  # fmt: skip
def test_a_broken_file_is_named(damage: dict[str, object], said: str) -> None:
    content = {**json.loads(to_json(Deployment())), **damage}
    with pytest.raises(RegistryError) as caught:
        from_json(json.dumps(content).encode(), "/srv/models/deployment.json")
    assert caught.value.problem.startswith("/srv/models/deployment.json can't be used: ")
    assert said in caught.value.problem


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"schema": 1}'])
def test_what_is_no_deployment_at_all(content: bytes) -> None:
    with pytest.raises(RegistryError, match=r"deployment.json can't be used: .+ Mend it, or remove it"):
        from_json(content)
