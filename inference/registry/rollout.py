"""Changes of the deployment that the packs allow: whole files, a model that runs, metrics that hold, intents that fit.

What is checked against the champion is checked under the lock of the change, so it holds for the champion that is
replaced, whoever else changes something at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from inference.errors import GateError, RegistryError
from inference.intents.trained import Space, space_of
from inference.registry import deployment as states
from inference.registry.catalogue import Catalogue, Version
from inference.registry.deployment import Deployment
from inference.registry.gate import TOLERANCE, Regression, regressions
from inference.registry.labelled import Trial
from inference.registry.paired import Paired

CANARY_SHARE: Final = 0.1

Role = Literal["champion", "canary", "shadow", "previous"]


class Regressed(GateError):
    """The candidate is worse than the champion by ``regressions``."""

    def __init__(self, candidate: str, champion: str, found: list[Regression], tolerance: float) -> None:
        listed = "; ".join(map(str, found))
        super().__init__(
            f"{candidate} is worse than the champion {champion} by more than {tolerance:g}: {listed}",
            "Train it better, allow more with --tolerance, or overrule the gate with --force.",
        )
        self.regressions = found


class WorseWithCustomers(GateError):
    """The candidate reads the user's own labelled turns worse than the champion does: ``found``."""

    def __init__(self, candidate: str, champion: str, found: Paired) -> None:
        super().__init__(
            f"{candidate} understands your own customers worse than the champion {champion}: {found}",
            "See `parlance intents inbox` for what they wrote, train it better, or overrule the gate with --force.",
        )
        self.found = found


@dataclass(frozen=True, slots=True)
class Tried:
    """How a candidate read the labelled turns beside this ``champion``."""

    champion: str
    found: Paired


@dataclass(frozen=True, slots=True)
class Rollout:
    """``standard``: the version that the settings name, champion until another is promoted. ``intents``: the embedding
    that the user's own intents were trained on, None without any. ``trial``: the labelled turns that a candidate has to
    read as well as the champion does; None asks for none.

    Every method gives what holds afterwards and raises ``RegistryError``, or ``GateError`` where it is the gate that
    refuses; nothing has changed then.
    """

    catalogue: Catalogue
    standard: str
    intents: Space | None = None
    trial: Trial | None = None

    def champion(self, deployment: Deployment) -> str:
        """The version that answers where no canary does."""
        return deployment.champion or self.standard

    def role(self, version: str, deployment: Deployment) -> Role | None:
        """What a version does; None: nothing, and it was no champion lately either."""
        if version == self.champion(deployment):
            return "champion"
        if deployment.canary is not None and version == deployment.canary.version:
            return "canary"
        if version == deployment.shadow:
            return "shadow"
        return "previous" if version in {name or self.standard for name in deployment.previous} else None

    def shadow(self, version: str | None) -> Deployment:
        """Run ``version`` beside the champion, or nothing more."""
        if version is not None:
            self.catalogue.verified(version, load=True)

        def transition(deployment: Deployment) -> Deployment:
            self._check_free(deployment, version)
            return states.shadow(deployment, version)

        return self.catalogue.change(transition, action=f"shadow {version or '--off'}")

    def canary(
        self, version: str | None, share: float = CANARY_SHARE, *, tolerance: float = TOLERANCE, force: bool = False
    ) -> Deployment:
        """Let ``version`` answer a share of the conversations, through the gate; or end the canary."""
        if version is None:
            return self.catalogue.change(lambda deployment: states.canary(deployment, None), action="canary --off")
        candidate = self.catalogue.verified(version, load=True)
        forced: list[str] = []
        tried = self.tried(candidate)

        def transition(deployment: Deployment) -> Deployment:
            self._check_free(deployment, version)
            self._check_both_read_intents(deployment, candidate)
            forced[:] = self._gate(deployment, candidate, tried, tolerance, force)
            return states.canary(deployment, version, share)

        action = f"canary {version} --share {share:g}{_flags(tolerance, force)}"
        return self.catalogue.change(transition, action=action, forced=forced)

    def promote(self, version: str, *, tolerance: float = TOLERANCE, force: bool = False) -> Deployment:
        """Make ``version`` the champion, through the gate. ``force`` overrules the gate's metrics, nothing else."""
        candidate = self._fitting(version)
        forced: list[str] = []
        tried = self.tried(candidate)

        def transition(deployment: Deployment) -> Deployment:
            forced[:] = self._gate(deployment, candidate, tried, tolerance, force)
            return states.promote(deployment, version)

        action = f"promote {version}{_flags(tolerance, force)}"
        return self.catalogue.change(transition, action=action, forced=forced)

    def rollback(self) -> Deployment:
        """Make the champion before this one champion again. Asks neither metrics nor intents: it is the way out."""

        def transition(deployment: Deployment) -> Deployment:
            before = states.rollback(deployment)
            self.catalogue.verified(self.champion(before), load=True)
            return before

        return self.catalogue.change(transition, action="rollback")

    def remove(self, version: str, *, force: bool = False) -> Deployment:
        """Delete an added version that nothing uses. ``force``: also one that ``rollback`` would go back to."""

        def transition(deployment: Deployment) -> Deployment:
            role = self.role(version, deployment)
            if role == "previous" and not force:
                remedy = "Overrule this with --force; `rollback` skips it then."
                raise GateError(f"{version} was champion before, and `rollback` may go back to it", remedy)
            if role not in (None, "previous"):
                raise RegistryError(f"{version} is the {role}", "Let another version answer first, or end it: --off.")
            self.catalogue.remove(version)
            return states.forget(deployment, version)

        return self.catalogue.change(transition, action=f"remove {version}{' --force' if force else ''}")

    def tried(self, candidate: Version) -> Tried | None:
        """How the candidate reads the labelled turns beside who is champion now; None where there is nothing to
        compare. It takes seconds, so it stands before the lock."""
        name = self.champion(self.catalogue.deployment())
        if self.trial is None or name == candidate.name:
            return None
        try:
            champion = self.catalogue.version(name)
            found = self.trial.compare(champion, candidate)
        except RegistryError:  # it can't be read: the gate says so, under the lock
            return None
        return None if found is None else Tried(name, found)

    def misfit(self, version: Version) -> str | None:
        """Why the user's own intents can't be read on this version; None where they can, or there are none."""
        if self.intents is None or self.intents == space_of(version.manifest):
            return None
        return f"The own intents (setting `intents`) were trained on the embedding of {self.intents.model}"

    def _fitting(self, name: str) -> Version:
        found = self.catalogue.verified(name, load=True)
        problem = self.misfit(found)
        if problem is not None:
            remedy = f"Train them on {name}, FILE being where the setting points, then ask again: {_training(found)}."
            raise GateError(f"{problem}, not of {name}", remedy)
        return found

    def _check_both_read_intents(self, deployment: Deployment, candidate: Version) -> None:
        """While there is a canary two versions answer, and there is one file of own intents."""
        if self.intents is None:
            return
        champion = self.catalogue.version(self.champion(deployment))
        problem = self.misfit(candidate) or self.misfit(champion)
        if problem is not None:
            remedy = (
                f"Only one version can read them, so no other can be a canary. Run {candidate.name} as shadow, then "
                f"train them on it and promote it: {_training(candidate)}."
            )
            raise GateError(problem, remedy)

    def _check_free(self, deployment: Deployment, version: str | None) -> None:
        if version is not None and version == self.champion(deployment):
            remedy = "`parlance model list` shows the others."
            raise RegistryError(f"{version} is the champion: it answers already", remedy)

    def _gate(
        self, deployment: Deployment, candidate: Version, tried: Tried | None, tolerance: float, force: bool
    ) -> list[str]:
        """What is overruled by force."""
        name = self.champion(deployment)
        if name == candidate.name:
            return []
        try:
            champion = self.catalogue.version(name)
        except RegistryError as error:
            told = f"{candidate.name} can't be compared with the champion: {error.problem}"
            if force:
                return [told]
            raise GateError(told, f"{error.remedy} Or overrule the gate with --force.") from error
        if tried is not None and tried.champion != name:
            raise RegistryError(f"{name} has become champion meanwhile", "Try again.")
        found = regressions(_int8(champion), _int8(candidate), tolerance)
        if found and not force:
            raise Regressed(candidate.name, name, found, tolerance)
        worse = tried is not None and tried.found.is_worse
        if tried is not None and worse and not force:
            raise WorseWithCustomers(candidate.name, name, tried.found)
        return [*map(str, found), *([str(tried.found)] if tried is not None and worse else [])]


def _int8(version: Version) -> dict[str, object]:
    metrics = version.manifest.metrics.get("int8")
    return metrics if isinstance(metrics, dict) else {}


def _training(version: Version) -> str:
    return f"`parlance intents train FOLDER --model {version.folder} --out FILE`"


def _flags(tolerance: float, force: bool) -> str:
    allowed = "" if tolerance == TOLERANCE else f" --tolerance {tolerance:g}"
    return f"{allowed} --force" if force else allowed
