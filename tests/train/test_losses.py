"""The losses: silent without a label, least where the answer is right, zero where a pupil equals its teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models_onnx.acts import share
from models_onnx.builders import Example
from models_onnx.labels import ACTS

torch = pytest.importorskip("torch", reason="the train extra is not installed")

INTENTS = 4
IDS = [[101, 7592, 2088, 102], [101, 7592, 102, 0]]
MASK = [[1, 1, 1, 1], [1, 1, 1, 0]]


def _network(seed: int, layers: int = 2) -> Any:
    from models_onnx.network import Network

    torch.manual_seed(seed)
    return Network(INTENTS, layers=layers).eval()


def _outputs(network: Any) -> Any:
    with torch.no_grad():
        return network(torch.tensor(IDS), torch.tensor(MASK))


def _loss(rows: list[Example], outputs: Any) -> float:
    from models_onnx.losses import make_targets, total_loss

    return float(total_loss(outputs, make_targets(rows, INTENTS, [None] * len(rows), torch.ones(6))))


def test_rows_without_labels_cost_nothing() -> None:
    assert _loss([Example("a", "x"), Example("b", "x")], _outputs(_network(0))) == 0.0


@pytest.mark.parametrize(
    ("head", "index", "right", "wrong"),
    [
        ("intent", 2, Example("a", "x", intent=2), Example("a", "x", intent=0)),
        ("emotions", 1, Example("a", "x", emotions=(1,)), Example("a", "x", emotions=(3,))),
        ("fine_emotions", 9, Example("a", "x", fine_emotions=(9,)), Example("a", "x", fine_emotions=(3,))),
        ("sentiment", 4, Example("a", "x", sentiments=(3, 4)), Example("a", "x", sentiments=(2,))),
        ("act", ACTS.index("deny"), Example("a", "x", act=share(deny=1)), Example("a", "x", act=share(affirm=1))),
        ("urgency", 0, Example("a", "x", urgency=0.98), Example("a", "x", urgency=0.02)),
        ("toxicity", 0, Example("a", "x", toxicity=1.0), Example("a", "x", toxicity=0.0)),
        ("politeness", 0, Example("a", "x", politeness=3.5), Example("a", "x", politeness=-2.0)),
    ],
)
def test_a_right_label_costs_less_than_a_wrong_one(head: str, index: int, right: Example, wrong: Example) -> None:
    outputs = _outputs(_network(0))
    sure = torch.zeros_like(getattr(outputs, head))
    sure[0, index] = 4.0
    outputs, other = outputs._replace(**{head: sure}), Example("b", "x")
    assert 0.0 < _loss([right, other], outputs) < _loss([wrong, other], outputs)


def test_a_light_label_costs_in_proportion() -> None:
    outputs, other = _outputs(_network(0)), Example("b", "x")
    full, light = (Example("a", "x", urgency=0.9, urgency_weight=weight) for weight in (1.0, 0.25))
    assert _loss([light, other], outputs) == pytest.approx(0.25 * _loss([full, other], outputs), rel=1e-5)


def test_votes_win_over_the_label() -> None:
    outputs, other = _outputs(_network(0)), Example("b", "x")
    sure = torch.zeros(2, 5)
    sure[0, 2] = 5.0
    outputs = outputs._replace(sentiment=sure)
    neutral, negative = (
        Example("a", "x", sentiments=(0, 1), votes=votes) for votes in ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    )
    assert _loss([neutral, other], outputs) < _loss([negative, other], outputs)


def test_a_pupil_that_equals_its_only_teacher_has_nothing_to_learn() -> None:
    from models_onnx.losses import teaching_loss
    from models_onnx.teach import ensemble

    teacher, pupil = _network(0), _network(1)
    taught = ensemble([teacher], torch.tensor(IDS), torch.tensor(MASK))
    assert float(teaching_loss(_outputs(teacher), taught)) == pytest.approx(0.0, abs=1e-4)
    assert float(teaching_loss(_outputs(pupil), taught)) > 0.01


def test_the_ensemble_is_the_mean() -> None:
    from models_onnx.teach import ensemble

    networks = [_network(seed) for seed in range(2)]
    alone = [ensemble([network], torch.tensor(IDS), torch.tensor(MASK)) for network in networks]
    both = ensemble(networks, torch.tensor(IDS), torch.tensor(MASK))
    for name, found in both.items():
        assert torch.allclose(found, (alone[0][name] + alone[1][name]) / 2.0, atol=1e-6)


def test_a_checkpoint_fills_a_thinner_network_and_keeps_its_last_layer(tmp_path: Path) -> None:
    from models_onnx.teach import load_checkpoint, load_teachers

    deep, thin = _network(0, layers=4), _network(1, layers=2)
    torch.save({"network": deep.state_dict()}, tmp_path / "checkpoint.pt")
    assert load_checkpoint(thin, tmp_path / "checkpoint.pt") == []
    assert torch.equal(thin.layers[0].up.weight, deep.layers[1].up.weight)
    assert torch.equal(thin.layers[1].up.weight, deep.layers[3].up.weight)
    assert torch.equal(thin.act.classify.weight, deep.act.classify.weight)
    (teacher,) = load_teachers([tmp_path / "checkpoint.pt"], INTENTS, torch.device("cpu"))
    assert len(teacher.layers) == 4 and not any(p.requires_grad for p in teacher.parameters())


def test_a_checkpoint_of_fewer_classes_fills_the_first(tmp_path: Path) -> None:
    from models_onnx.teach import load_checkpoint

    old, new = _network(0), _network(1)
    state = {name: value for name, value in old.state_dict().items() if not name.startswith("act.")}
    state["emotions.classify.weight"] = state["emotions.classify.weight"][:6].clone()
    state["emotions.classify.bias"] = state["emotions.classify.bias"][:6].clone()
    torch.save({"network": state}, tmp_path / "checkpoint.pt")
    before = new.emotions.classify.weight.clone()
    assert load_checkpoint(new, tmp_path / "checkpoint.pt") == ["act.classify.weight"]
    assert torch.equal(new.emotions.classify.weight[:6], old.emotions.classify.weight[:6])
    assert torch.equal(new.emotions.classify.weight[6:], before[6:])


def test_centred_intents_say_the_same_and_sum_to_zero() -> None:
    from models_onnx.export import centre_intents

    network = _network(0)
    network.intent.classify.bias.data += 3.0
    before = _outputs(network).intent
    centre_intents(network)
    after = _outputs(network).intent
    assert torch.allclose(torch.softmax(before, -1), torch.softmax(after, -1), atol=1e-6)
    assert torch.allclose(after.sum(-1), torch.zeros(2), atol=1e-5)
    assert not torch.allclose(before.sum(-1), torch.zeros(2), atol=1e-1)
