"""The values of ``/v1/models`` for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from inference.registry.rollout import CANARY_SHARE
from server.transport.http.models import Json, Model
from server.wire import examples

Share = Annotated[float, Field(gt=0, le=1)]
VersionName = Annotated[str, Field(min_length=1, max_length=200)]
OVERRULE = "Overrule the gate where only measured metrics are worse."


class SetShadow(Model):
    example: ClassVar[Json | None] = {"version": "nlu-1.2.0"}
    version: VersionName | None = Field(None, description="Which one reads beside; left out: none any more.")


class SetCanary(Model):
    example: ClassVar[Json | None] = {"version": "nlu-1.2.0", "share": 0.1}
    version: VersionName | None = Field(None, description="Which one is tried; left out: none any more.")
    share: Share = Field(CANARY_SHARE, description="Of the conversations; a larger share keeps those that it had.")
    force: bool = Field(False, description=OVERRULE)


class Promote(Model):
    example: ClassVar[Json | None] = {"version": "nlu-1.2.0"}
    version: VersionName = Field(description="Which one answers everybody from now on.")
    force: bool = Field(False, description=OVERRULE)


class LiveFigures(Model):
    """What a version has done on the worker that answers, since that began."""

    example: ClassVar[Json | None] = {
        "answered": 5_120,
        "latency_p50_us": 1_480.0,
        "compared": 0,
        "disagreed": {"intent": 0, "act": 0, "sentiment": 0, "emotion": 0},
        "dropped": 0,
        "failed": 0,
        "psi": {"class": 0.021, "confidence": 0.034},
    }
    answered: int = Field(description="Texts read for an answer.")
    latency_p50_us: float | None = Field(None, description="Half of the last analyses took no longer; microseconds.")
    compared: int = Field(description="Texts read as the shadow, beside the version that answered.")
    disagreed: dict[str, int] = Field(description="Of these, those of which it says otherwise, by head.")
    dropped: int = Field(description="Texts that the shadow did not read, since it could not keep up.")
    failed: int = Field(description="Texts that it could not read as canary or shadow.")
    last_failure: str | None = Field(None, description="Why, the last time.")
    psi: dict[str, float] = Field(
        description="Population stability index of `class` and `confidence`: from 0.1 on worth a look, from 0.25 on "
        "another population. Empty before there is enough to compare."
    )


class EverywhereFigures(Model):
    """What a version does on all workers, at most some seconds ago."""

    example: ClassVar[Json | None] = {
        "answered": 20_480,
        "share": 0.9,
        "latency_p50_us": 1_540.0,
        "latency_p95_us": 3_080.0,
        "confidence": 0.81,
        "compared": 0,
        "disagreed": {"intent": 0, "act": 0, "sentiment": 0, "emotion": 0},
        "dropped": 0,
        "failed": 0,
        "labelled": 40,
        "agreed": 22,
        "agreement": 0.55,
        "agreement_low": 0.3983,
        "agreement_high": 0.6929,
        "agreement_fell": False,
        "psi": {"class": 0.021, "confidence": 0.034},
        "drift": "ok",
    }
    answered: int = Field(description="Texts read for an answer in the last day.")
    share: float = Field(description="Of those that all versions read in the last day.")
    latency_p50_us: float | None = Field(None, description="Half of the last day's analyses took no longer.")
    latency_p95_us: float | None = Field(None, description="95 % of them took no longer; both to within 9 %.")
    confidence: float | None = Field(None, description="Mean probability of the intent, in the last day.")
    compared: int = Field(description="Texts read as the shadow in the last day.")
    disagreed: dict[str, int] = Field(description="Of these, those of which it says otherwise, by head.")
    dropped: int = Field(description="Texts that the shadow did not read, since it could not keep up.")
    failed: int = Field(description="Texts that it could not read as canary or shadow, in the last day.")
    labelled: int = Field(description="Its turns of the inbox that people labelled.")
    agreed: int = Field(description="Those whose label is what it had said.")
    agreement: float | None = Field(None, description="The same as a share. Only doubtful turns are labelled.")
    agreement_low: float | None = Field(None, description="Lower end of its 95 % interval (Wilson).")
    agreement_high: float | None = Field(None, description="Upper end of it.")
    agreement_fell: bool = Field(description="Whether people agree less in the last seven days than before.")
    psi: dict[str, float] = Field(
        description="Population stability index of `class` and `confidence`: the last 500 turns or more against the "
        "first 1,000 or more, over restarts."
    )
    drift: Literal["ok", "watch", "alarm"] | None = Field(None, description="What the larger index means.")


class ModelLineage(Model):
    example: ClassVar[Json | None] = {
        "added_at_ms": examples.AT_MS,
        "source": "/srv/models/nlu-1.2.0",
        "manifest_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "parent": "nlu-1.0.0",
    }
    added_at_ms: int = Field(description="When it was added; milliseconds since the Unix epoch.")
    source: str = Field(description="The folder that it was copied from.")
    manifest_sha256: str = Field(description="The digest of its manifest, in hexadecimal digits.")
    parent: str | None = Field(None, description="The champion at that time.")


class ModelVersion(Model):
    """A version of the model. ``role`` is left out where it has none, ``live`` where it was never in use."""

    example: ClassVar[Json | None] = {
        "version": "nlu-1.2.0",
        "origin": "added",
        "role": "champion",
        "metrics": {"clinc150_in_scope_accuracy": 0.9717},
        "live": LiveFigures.example,
        "everywhere": EverywhereFigures.example,
    }
    version: str = Field(description="Its name, as `analysis.model` tells it.")
    origin: Literal["shipped", "added"] = Field(description="Whether it was there, or was added to the folder.")
    role: Literal["champion", "canary", "shadow"] | None = Field(None, description="What it does on this worker.")
    metrics: Json = Field(description="What was measured of it before it was packed.")
    live: LiveFigures | None = Field(None, description="What it has done on this worker.")
    everywhere: EverywhereFigures | None = Field(None, description="What it does on all workers.")
    lineage: ModelLineage | None = Field(None, description="Where it came from, of an added one that is asked for.")


class CanaryShare(Model):
    example: ClassVar[Json | None] = {"version": "nlu-1.2.0", "share": 0.1}
    version: str = Field(description="Which one is tried.")
    share: float = Field(description="Of the conversations, in (0, 1].")


class Serving(Model):
    example: ClassVar[Json | None] = {"champion": "nlu-1.2.0"}
    champion: str = Field(description="What answers on this worker.")
    canary: CanaryShare | None = Field(None, description="What answers a share of the conversations there.")
    shadow: str | None = Field(None, description="What reads beside there.")


class ModelProblem(Model):
    example: ClassVar[Json | None] = {
        "version": "nlu-1.3.0",
        "reason": "model.onnx is missing.",
    }
    version: str = Field(description="The version, or the file, that can't be used.")
    reason: str = Field(description="Why, and what to do.")


class Models(Model):
    """The deployment (``champion`` is left out where the settings' own answers), what this worker has taken up of it
    (``serving``), and all versions."""

    example: ClassVar[Json | None] = {
        "revision": 3,
        "champion": "nlu-1.2.0",
        "previous": [],
        "serving": Serving.example,
        "items": [ModelVersion.example],
        "problems": [],
    }
    revision: int | None = Field(None, description="Grows by one with each change.")
    champion: str | None = Field(None, description="What is to answer.")
    canary: CanaryShare | None = Field(None, description="What is to answer a share of the conversations.")
    shadow: str | None = Field(None, description="What is to read beside.")
    previous: list[str] | None = Field(None, description="Champions before, the newest last.")
    serving: Serving = Field(description="What this worker uses; others follow within seconds.")
    items: list[ModelVersion] = Field(description="Every version that is whole.")
    problems: list[ModelProblem] = Field(description="What can't be used; whatever answered before goes on.")
