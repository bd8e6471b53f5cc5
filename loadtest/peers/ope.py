"""The Open Bandit Pipeline's estimators (Saito, Aihara, Matsutani, Narita 2021) on the logs of ``loadtest.ope_worlds``.

An interpreter that has obp runs this file and gets JSON: ``python loadtest/peers/ope.py vectors`` the estimates that
tests/unit/adapters/ope/obp.json holds ours to, ``… times ROWS`` the processor seconds that they take. Of obp only the
estimators are imported, without the rest of the package: that would want torch and seaborn for things not used here.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from loadtest.ope_worlds import LoggedWorld, logged_world

LOGS: tuple[dict[str, Any], ...] = (
    {"seed": 1, "rows": 200},
    {"seed": 2, "rows": 1_000, "arms": 2, "dim": 1, "floor": 0.3},
    {"seed": 3, "rows": 1_500, "arms": 8, "dim": 6, "floor": 0.01},
    {"seed": 4, "rows": 800, "adaptive": True},
)
TAUS = (1.0, 5.0, 20.0)
RESAMPLES = 1_000


def estimators() -> Any:
    """The module ``obp.ope.estimators``."""
    found = importlib.util.find_spec("obp")
    if found is None or found.origin is None:
        raise SystemExit("obp is not installed here.")
    root = Path(found.origin).parent
    for name, folder in (("obp", root), ("obp.ope", root / "ope")):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    if importlib.util.find_spec("torch") is None:
        torch = ModuleType("torch")  # named in annotations and isinstance only, for arrays that are not used here
        torch.Tensor = type("Tensor", (), {})  # type: ignore[attr-defined]
        sys.modules["torch"] = torch
    return importlib.import_module("obp.ope.estimators")


def estimates(obp: Any, world: LoggedWorld) -> dict[str, float]:
    """By estimator; the expected rewards are the world's bent ones."""
    logged = {
        "reward": world.rewards,
        "action": world.actions,
        "pscore": world.probabilities[range(len(world.actions)), world.actions],
        "action_dist": world.target[:, :, None],
    }
    expected = {"estimated_rewards_by_reg_model": world.bent[:, :, None]}
    found = {
        "ips": obp.InverseProbabilityWeighting().estimate_policy_value(**logged),
        "snips": obp.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**logged),
        "dm": obp.DirectMethod().estimate_policy_value(action_dist=world.target[:, :, None], **expected),
        "dr": obp.DoublyRobust().estimate_policy_value(**logged, **expected),
    }
    for tau in TAUS:
        switch = obp.SwitchDoublyRobust(tau=tau)
        found[f"switch-dr {tau:g}"] = switch.estimate_policy_value(**logged, **expected)
    return {name: float(value) for name, value in found.items()}


def vectors() -> dict[str, Any]:
    """The estimates, with what tells whether another machine made the same logs."""
    obp = estimators()
    logs = []
    for recipe in LOGS:
        world = logged_world(**recipe)
        sums = {"rewards": world.rewards, "target": world.target[:, 0], "worth": world.worth}
        check = {name: float(values.sum()) for name, values in sums.items()}
        logs.append({"recipe": recipe, "check": check, "estimates": estimates(obp, world)})
    return {"made_by": "obp 0.4.1: python loadtest/peers/ope.py vectors", "logs": logs}


def times(rows: int) -> dict[str, float]:
    """Processor seconds: all five estimates, and the bootstrap interval of the doubly robust one."""
    obp, world = estimators(), logged_world(0, rows, arms=8, dim=32, floor=0.01)
    estimates(obp, world)
    started = time.process_time()
    estimates(obp, world)
    estimated = time.process_time()
    obp.DoublyRobust().estimate_interval(
        reward=world.rewards, action=world.actions, pscore=world.probabilities[range(rows), world.actions],
        action_dist=world.target[:, :, None], estimated_rewards_by_reg_model=world.bent[:, :, None],
        n_bootstrap_samples=RESAMPLES, random_state=0,
    )  # fmt: skip
    return {"estimates_s": estimated - started, "bootstrap_s": time.process_time() - estimated}


if __name__ == "__main__":
    print(json.dumps(vectors() if sys.argv[1:] == ["vectors"] else times(int(sys.argv[2])), indent=1))
