"""Files of rules: what ships is whole, and every error names the place and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import server.chat.alerting as package
from server.chat.alerting.measures import MEASURES
from server.chat.alerting.parsing import AlertsError, parse_plan
from server.chat.alerting.values import Receiver, Step, Threshold

DEFAULT = Path(package.__file__).with_name("default.yaml")
RULE: dict[str, Any] = {"name": "slow", "measure": "turn_p99_ms", "warning": {"above": 500, "clear": 400}}


def test_the_rules_that_ship() -> None:
    plan = parse_plan(yaml.safe_load(DEFAULT.read_text()), "default.yaml")
    assert not plan.receivers and not plan.ladders
    found = {rule.name: rule for rule in plan.rules}
    assert found["low_accuracy"].thresholds["warning"] == Threshold(0.70, 0.73)
    assert found["low_satisfaction"].thresholds["warning"].raise_at == 3.5
    assert found["low_success"].thresholds["warning"].raise_at == 0.60
    assert found["many_handoffs"].thresholds["warning"].raise_at == 0.40
    wanted = {"turn_p99_ms", "errors_per_s", "drift_class", "disk_free", "redis_away", "database_away"}
    assert wanted <= {rule.measure for rule in plan.rules}
    assert all(rule.meaning for rule in plan.rules)


def test_a_whole_file() -> None:
    plan = parse_plan({
        "group_wait_s": 3,
        "rules": [{
            **RULE, "critical": {"above": 2_000}, "at_least": 50, "for_s": 60, "clear_for_s": 120.5,
            "silent_clears_s": 60, "group": "service", "escalation": "night", "about": "Too slow.",
        }],
        "receivers": {"team": {"webhooks": "https://a.example/x?y=1"}, "ops": {"emails": ["ops@example.org"]}},
        "escalations": {"night": [{"to": ["team"]}, {"after_s": 60, "to": "ops"}]},
    })  # fmt: skip
    (rule,) = plan.rules
    assert (plan.group_wait_ms, rule.for_ms, rule.clear_for_ms, rule.silent_clears_ms) == (
        3_000,
        60_000,
        120_500,
        60_000,
    )
    assert rule.thresholds == {"warning": Threshold(500, 400), "critical": Threshold(2_000, 2_000)}
    assert plan.receivers["ops"] == Receiver("ops", (), ("ops@example.org",))
    assert plan.steps("slow") == (Step(0, ("team",)), Step(60_000, ("ops",)))
    assert plan.steps("no such rule") == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Slow"}, "rule number 1 has the name 'Slow'. Give 1 to 64 small letters"),
        ({"measure": "turn_p9_ms"}, "rule 'slow': there is no measure 'turn_p9_ms'. Did you mean 'turn_p9"),
        ({"warming": 1}, "rule 'slow': there is no key 'warming' here. Did you mean 'warning'?"),
        ({"warning": 500}, "'warning' is 500. Write it like {above: 0.4, clear: 0.35}."),
        ({"warning": {"above": "much"}}, "'warning': 'above' is 'much'. Give a number."),
        ({"warning": {"above": True}}, "'above' is True. Give a number."),
        ({"warning": {"above": 5, "below": 3}}, "there is no key 'below' here."),
        (
            {"warning": {"above": 5, "clear": 6}},
            "would be over at 6, where it begins. Let 'clear' lie on the good side",
        ),
        ({"warning": {"below": 5, "clear": 4}}, "would be over at 4, where it begins."),
        ({"critical": {"above": 450}}, "'critical' must lie above 'warning', and clear no later than it does."),
        ({"critical": {"above": 900, "clear": 100}}, "'critical' must lie above 'warning'"),
        ({"critical": {"below": 900}}, "'warning' and 'critical' look in two directions."),
        ({"at_least": -1}, "'at_least' is -1. Give a whole number"),
        ({"measure": "disk_free", "at_least": 5}, "the measure 'disk_free' counts no observations."),
        ({"for_s": -1}, "'for_s' is -1. Give seconds from 0 to 604800."),
        ({"about": "a\nb"}, "'about' must be a text of one line"),
        ({"escalation": "night"}, "there is no escalation 'night'. Known: none."),
    ],
)
def test_a_wrong_rule_is_told(change: dict[str, Any], said: str) -> None:
    with pytest.raises(AlertsError) as caught:
        parse_plan({"rules": [{**RULE, **change}]}, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ") and said in str(caught.value)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "expected a key 'rules' with a list under it"),
        ({"rules": {}}, "expected a key 'rules'"),
        ({"rules": [], "receiver": {}}, "there is no key 'receiver' here. Did you mean 'receivers'?"),
        ({"rules": ["slow"]}, "rule number 1 must be keys and values"),
        ({"rules": [{"name": "slow", "measure": "workers"}]}, "neither 'warning' nor 'critical'"),
        ({"rules": [RULE, RULE]}, "two rules are named 'slow'"),
        ({"rules": [], "receivers": []}, "'receivers' must be names"),
        ({"rules": [], "receivers": {"team": {}}}, "receiver 'team' needs 'webhooks' with URLs"),
        ({"rules": [], "receivers": {"team": {"webhooks": ["ftp://a"]}}}, "'ftp://a' is no URL of a webhook."),
        ({"rules": [], "receivers": {"team": {"webhooks": ["http://a:99999/"]}}}, "is no URL of a webhook."),
        ({"rules": [], "receivers": {"team": {"emails": ["a@b\nBcc: c@d"]}}}, "is no mail address."),
        ({"rules": [], "receivers": {"team": {"emails": [5]}}}, "'emails' must be a list of texts"),
        ({"rules": [], "escalations": {"default": []}}, "needs a list of 1 to 10 steps"),
        ({"rules": [], "escalations": {"default": ["team"]}}, "a step is 'team'. Write it like"),
        ({"rules": [], "escalations": {"default": [{"after_s": 5}]}}, "a step has nobody to tell."),
        ({"rules": [], "escalations": {"default": [{"to": "team"}]}}, "there is no receiver 'team'. Known: none."),
        (
            {"rules": [], "receivers": {"t": {"emails": "a@b.c"}},
             "escalations": {"default": [{"to": "t"}, {"to": "t"}]}},
            "each step's 'after_s' must be larger",
        ),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(document: object, said: str) -> None:
    with pytest.raises(AlertsError) as caught:
        parse_plan(document, "mine.yaml")
    assert said in str(caught.value)


def test_every_measure_says_what_it_is() -> None:
    assert all(one.unit and one.meaning.endswith(".") for one in MEASURES.values())
