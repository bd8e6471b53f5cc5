"""Population → segment → user: what is learned of whom, and that nobody pays for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.policies import Observation, codec, make_policy
from adapters.policies.base import MAX_NAME_CHARACTERS
from adapters.policies.personal import Personal
from adapters.policies.shrinkage import posterior_mean
from loadtest.tastes import Crowd, compared, regrets, taste_world
from tests.unit.adapters.laws import law

ARMS = ("warm", "concise", "playful")
X = np.array([1.0, 0.5])
TRAITS = {"warm": (0.9, 0.8), "playful": (0.9, 0.9), "concise": (0.1, 0.1)}

people = st.sampled_from((None, "ann", "ben", "eve"))
segments = st.sampled_from((None, "trial", "partner"))
contexts = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=2, max_size=2).map(np.array)


def _observation(arm: str, x: NDArray[np.float64], reward: float, user: str | None, segment: str | None) -> Observation:
    return Observation(arm, x, reward, user=user, segment=segment)


observations = st.builds(_observation, st.sampled_from(ARMS), contexts, st.floats(0, 1), people, segments)
# Who belongs to what is no matter of the order.
logs = st.lists(
    observations.map(lambda one: replace(one, segment={"ann": "trial", "ben": "partner"}.get(one.user or ""))),
    max_size=15,
)


def make(**parameters: object) -> Personal:
    policy = make_policy("personal", ARMS, 2, 0, **{"traits": TRAITS, **parameters})
    assert isinstance(policy, Personal)
    return policy


def learned(log: list[Observation], **parameters: object) -> Personal:
    policy = make(**parameters)
    for one in log:
        policy.learn(one.arm, one.x, one.reward, one.previous, user=one.user, segment=one.segment)
    return policy


def expected(policy: Personal, user: str | None = None, segment: str | None = None) -> list[float]:
    return [arm.exploit for arm in policy.explain(X, user=user, segment=segment)]


def crowd_of(policy: Personal, turns: int = 400) -> None:
    """Many people for whom every arm is as good."""
    rng = np.random.default_rng(0)
    for i in range(turns):
        reward = 0.5 + 0.1 * float(rng.normal())
        policy.learn(ARMS[i % 3], [1.0, float(rng.uniform(-1, 1))], min(max(reward, 0.0), 1.0), user=f"u{i // 4}")


def test_without_a_user_it_is_linucb() -> None:
    personal, common = make(), make_policy("linucb", ARMS, 2, 0)
    rng = np.random.default_rng(1)
    for i in range(60):
        x, reward = rng.uniform(-1, 1, 2), float(rng.random())
        personal.learn(ARMS[i % 3], x, reward, user=f"u{i % 5}")
        common.learn(ARMS[i % 3], x, reward)

    for user in (None, "somebody else"):
        mine, theirs = personal.choose(X, user=user), common.choose(X)
        assert (mine.arm, mine.probabilities.tolist()) == (theirs.arm, theirs.probabilities.tolist())


def test_a_taste_is_followed_and_carried_over_to_like_arms() -> None:
    policy = make()
    crowd_of(policy)
    before = expected(policy, "ann")
    for _ in range(6):
        policy.learn("warm", X, 0.9, user="ann")
        policy.learn("concise", X, 0.1, user="ann")
    warm, concise, playful = np.array(expected(policy, "ann")) - before

    assert warm > playful > 0.0 > concise
    assert policy.choose(X, user="ann").arm == "warm"
    assert expected(policy, "ben") == expected(policy)


def test_a_taste_grows_with_the_turns_and_never_beyond_what_was_seen() -> None:
    tastes = []
    for turns in (1, 3, 10, 100):
        policy = make()
        crowd_of(policy)
        for _ in range(turns):
            policy.learn("warm", X, 0.9, user="ann")
        tastes.append(expected(policy, "ann")[0] - expected(policy)[0])

    assert tastes[0] < tastes[1] < tastes[2]
    assert 0.0 < tastes[3] < 0.4


def test_a_segment_is_what_its_newcomers_start_with() -> None:
    policy = make()
    crowd_of(policy)
    for i in range(60):
        policy.learn("playful", X, 0.8, user=f"t{i % 20}", segment="trial")
    plain, newcomer = expected(policy), expected(policy, "new here", "trial")

    assert newcomer[2] > plain[2] + 0.02
    assert newcomer == expected(policy, None, "trial")
    assert expected(policy, "new here", "unheard of") == plain


def test_one_talkative_person_is_no_segment() -> None:
    """As many turns say less of a segment when one person took them all."""
    tastes = []
    for count in (30, 1):
        policy = make()
        crowd_of(policy)
        for i in range(60):
            policy.learn("playful", X, 0.8, user=f"t{i % count}", segment="trial")
        tastes.append(expected(policy, None, "trial")[2] - expected(policy)[2])

    assert tastes[0] > 2.0 * tastes[1] > 0.0


@law
@given(
    prior=st.floats(0.01, 1.0),
    alike=st.floats(-0.9, 0.9),
    counts=st.lists(st.integers(0, 9), min_size=2, max_size=2),
    means=st.lists(st.floats(-1, 1), min_size=2, max_size=2),
)
def test_a_posterior_mean_is_the_textbooks(prior: float, alike: float, counts: list[int], means: list[float]) -> None:
    covariance = prior * np.array([[1.0, alike], [alike, 1.0]])
    n, y, noise = np.array(counts, dtype=float), np.array(means), 0.25
    tried = [k for k in range(2) if counts[k]]
    mean = np.zeros(2)
    if tried:
        seen = covariance[np.ix_(tried, tried)] + np.diag(noise / n[tried])
        mean = covariance[:, tried] @ np.linalg.solve(seen, y[tried])

    found = posterior_mean(covariance, n, n * y, np.full(2, noise))
    assert found.tolist() == pytest.approx(mean.tolist(), abs=1e-9)


@law
@given(log=logs, data=st.data())
def test_the_order_does_not_matter_and_corrections_leave_no_trace(log: list[Observation], data: st.DataObject) -> None:
    later = [replace(one, reward=data.draw(st.floats(0, 1)), previous=one.reward) for one in log]
    final = [replace(one, reward=after.reward) for one, after in zip(log, later, strict=True)]
    other = data.draw(st.permutations(final))

    plain, corrected, shuffled = learned(final), learned(log + later), learned(other)
    for user, segment in (("ann", "trial"), ("ben", "partner"), ("eve", None), (None, "trial")):
        for one in (corrected, shuffled):
            assert expected(one, user, segment) == pytest.approx(expected(plain, user, segment), abs=1e-9)


@law
@given(common=logs, parts=st.lists(logs, max_size=3))
def test_workers_that_met_the_same_people_merge(common: list[Observation], parts: list[list[Observation]]) -> None:
    start = learned(common)
    states = []
    for part in parts:
        worker = make()
        worker.load(start.state())
        worker.learn_many(part)
        states.append(worker.state())
    merged = make()
    merged.load(start.state())
    merged.merge(states, since=start.state())
    whole = learned(common + [one for part in parts for one in part])

    for user, segment in (("ann", "trial"), ("ben", "partner"), ("eve", None), (None, "partner")):
        assert expected(merged, user, segment) == pytest.approx(expected(whole, user, segment), abs=1e-9)


def played(policy: Personal, turns: int = 300, since: int = 0) -> None:
    """A log of many people, long enough for looks at the variances, and for people to be forgotten."""
    world = taste_world(Crowd("test", users=40, turns=12, arms=3, traits=2, dim=2), 0)
    for i in range(since, min(since + turns, len(world.contexts))):
        user = int(world.users[i])
        name, segment = f"u{user}", f"s{world.segment_of[user]}"
        arm = i % 3
        policy.learn(ARMS[arm], world.contexts[i], float(world.pays[i, arm]), user=name, segment=segment)


def test_a_loaded_state_goes_on_to_the_bit_with_people_and_variances() -> None:
    saved, loaded = make(users=10.0), make(users=10.0)
    played(saved)
    loaded.load(codec.from_json(codec.to_json(saved.state())))

    assert loaded.state() == saved.state()
    for policy in (saved, loaded):
        played(policy, 100, since=300)
    assert loaded.state() == saved.state()
    assert len(saved._people.users) == 10


def test_a_batch_is_learned_as_one_by_one_with_people() -> None:
    rng = np.random.default_rng(2)
    log = [
        Observation(ARMS[i % 3], rng.uniform(-1, 1, 2), float(rng.random()), user=f"u{i % 7}", segment="s")
        for i in range(50)
    ]
    single, batched = learned(log), make()
    batched.learn_many(log)

    assert expected(batched, "u3", "s") == pytest.approx(expected(single, "u3", "s"), abs=1e-9)


def test_those_not_heard_of_for_longest_are_forgotten() -> None:
    policy = make(users=2.0)
    for user in ("ann", "ben", "ann", "eve"):
        policy.learn("warm", X, 1.0, user=user)
    policy.learn("warm", X, 0.5, previous=1.0, user="ben")  # a correction of somebody who is gone

    assert expected(policy, "ben") == expected(policy)
    assert expected(policy, "ann") != expected(policy)
    assert expected(policy, "eve") != expected(policy)


def test_arms_come_and_go_with_what_people_thought_of_them() -> None:
    policy = make()
    crowd_of(policy)
    for _ in range(5):
        policy.learn("warm", X, 0.9, user="ann", segment="trial")
    before = expected(policy, "ann", "trial")
    policy.add_arm("cosy", like="warm", traits=(0.9, 0.8))
    policy.remove_arm("cosy")

    assert expected(policy, "ann", "trial") == pytest.approx(before, abs=1e-9)


def test_what_is_old_counts_less_for_people_too() -> None:
    day_ms = 86_400_000.0
    tastes = []
    for later_days in (0.0, 30.0):
        policy = make(half_life_days=3.0)
        for i in range(5):
            policy.learn("warm", X, 0.9, at_ms=1.79e12, user="ann")
            policy.learn(ARMS[i % 3], X, 0.5, at_ms=1.79e12 + later_days * day_ms, user=f"u{i}")
        tastes.append(expected(policy, "ann")[0] - expected(policy)[0])

    assert tastes[0] > 5.0 * tastes[1]


def test_the_variances_are_those_of_the_people() -> None:
    """Nobody differs: hardly any variance is left; everybody does: about theirs is found."""
    found = {}
    for taste in (0.0, 0.15):
        crowd = Crowd("test", user_taste=taste, segment_taste=0.0, users=100)
        world = taste_world(crowd, 3)
        policy = make_policy("personal", [str(k) for k in range(crowd.arms)], crowd.dim, 0)
        regrets(world, policy, personal=True)
        assert isinstance(policy, Personal)
        found[taste] = policy._people.variances.users**0.5

    assert found[0.0] < 0.035
    assert 0.1 < found[0.15] < 0.18


def test_an_explanation_says_whose_taste_it_was() -> None:
    policy = make()
    crowd_of(policy)
    for _ in range(5):
        policy.learn("warm", X, 0.9, user="ann", segment="trial")
    warm = policy.explain(X, ("constant", "joy"), user="ann", segment="trial")[0]
    parts = dict(warm.features)

    assert parts["this user"] > 0.0
    assert "segment trial" in parts
    assert sum(parts.values()) == pytest.approx(warm.exploit, abs=1e-9)


@pytest.mark.parametrize("name", ["", "x" * (MAX_NAME_CHARACTERS + 1), 7])
def test_a_bad_name_is_refused(name: str) -> None:
    policy = make()
    before = policy.state()
    for attempt in (
        lambda: policy.learn("warm", X, 1.0, user=name),
        lambda: policy.learn("warm", X, 1.0, segment=name),
        lambda: policy.choose(X, user=name),
        lambda: policy.choose(X, segment=name),
    ):
        with pytest.raises(ValueError, match=r"(user|segment) is .*: give a text of 1 to 256 characters"):
            attempt()
    assert policy.state() == before


@pytest.mark.parametrize("members", [None, [["ann"]], [["ann", None], ["ann", None]], [[1, None]], [["a", None]] * 3])
def test_a_state_with_people_who_can_not_be_is_refused(members: object) -> None:
    policy = learned([Observation("warm", X, 1.0, user="ann")], users=2.0)
    header, arrays = codec.unpack(policy.state())
    with pytest.raises(ValueError, match=r"list of users is malformed"):
        policy.load(codec.pack({**header, "users": members}, arrays))
    with pytest.raises(ValueError, match=r"'users' is missing or malformed"):
        policy.load(codec.pack({**header, "users": [["ann", None], ["ben", None]]}, arrays))
    assert len(policy._people.users) == 1


def test_it_beats_the_population_after_five_turns_and_costs_nothing_before() -> None:
    """The 95 % intervals of the regrets' ratio over worlds: the issue's numbers."""
    of = compared(Crowd("test", user_taste=0.12, users=120), range(10))
    assert of["first"].high <= 1.02
    assert of["later"].high < 0.95


def test_where_nobody_differs_it_costs_next_to_nothing() -> None:
    of = compared(Crowd("test", user_taste=0.0, segment_taste=0.0, users=80), range(8))
    assert of["first"].ratio <= 1.03
    assert of["later"].ratio <= 1.05
