"""A trained set of intents, as one file and as what reads embeddings (pure: bytes in, bytes out).

The file is a NumPy archive without pickles: ``manifest`` (JSON), ``weights``, ``support``.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.intents import fitting
from inference.intents.fitting import Floats
from inference.intents.training import Classifier, Fitted
from inference.intents.values import IntentSet
from inference.manifest import MODEL_FILE
from inference.manifest import Manifest as PackManifest

SCHEMA: Final = 1
LIKELIEST: Final = 5
ARRAYS: Final = ("weights", "support")
REMEDY: Final = "Train it again with `parlance intents train`."

# What NumPy and zipfile raise of bytes that are not theirs.
_UNREADABLE: Final = (
    ValueError, KeyError, OSError, EOFError, TypeError, AttributeError, RuntimeError, MemoryError, SyntaxError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip

Hex256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Space(msgspec.Struct, frozen=True):
    """The embedding that a set was trained on: the model's name and version, its file's digest, its dimensions."""

    model: str
    sha256: Hex256
    dim: Annotated[int, msgspec.Meta(ge=1)]


def space_of(manifest: PackManifest) -> Space:
    """The embedding of a packed model."""
    return Space(manifest.model, manifest.files[MODEL_FILE].sha256, manifest.embedding_dim)


class Manifest(msgspec.Struct, frozen=True):
    """What the file says of itself. ``asks``: the button's text of each label; ``examples``: their set's digest."""

    schema: int
    kind: Literal["kernel", "logistic"]
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    asks: tuple[str, ...]
    examples: Hex256
    space: Space
    ridge: Annotated[float, msgspec.Meta(gt=0.0)]
    temperature: Annotated[float, msgspec.Meta(gt=0.0)]
    threshold: Share
    figures: dict[str, float]
    arrays: Hex256


class _Versioned(msgspec.Struct):
    schema: int


class TrainedError(ValueError):
    """A file of trained intents that can't be used; says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class TrainedIntents:
    """Ready to read. Safe to use from several threads."""

    manifest: Manifest
    classifier: Classifier

    def read(self, x: Floats) -> list[tuple[tuple[str, float], ...]]:
        """Embeddings (texts, 384) → each text's likeliest labels with their probabilities, the likeliest first."""
        found = fitting.softmax(self.classifier.scores(x), self.manifest.temperature)
        labels = self.manifest.labels
        order = np.argsort(-found, axis=1, kind="stable")[:, :LIKELIEST]
        return [
            tuple((labels[place], float(row[place])) for place in places)
            for row, places in zip(found, order.tolist(), strict=True)
        ]


def trained(intents: IntentSet, fitted: Fitted, space: Space) -> TrainedIntents:
    """What ``fitted`` learned of ``intents`` in ``space``."""
    classifier = fitted.classifier
    manifest = Manifest(
        schema=SCHEMA,
        kind="kernel" if classifier.kind == "kernel" else "logistic",
        labels=intents.names,
        asks=tuple(intent.ask for intent in intents.intents),
        examples=intents.digest(),
        space=space,
        ridge=fitted.ridge,
        temperature=fitted.temperature,
        threshold=fitted.threshold,
        figures=fitted.figures,
        arrays=_digest(classifier),
    )
    return TrainedIntents(manifest, classifier)


def to_bytes(found: TrainedIntents) -> bytes:
    """The file's content; the same for the same intents, examples and model."""
    content = io.BytesIO()
    manifest = np.frombuffer(msgspec.json.encode(found.manifest), dtype=np.uint8)
    np.savez(content, manifest=manifest, weights=found.classifier.weights, support=found.classifier.support)
    return content.getvalue()


def from_bytes(content: bytes, space: Space | None = None) -> TrainedIntents:
    """The intents in a file's ``content``, all of it checked; in ``space`` where that is given.

    Raises:
        TrainedError: foreign, damaged, of another version, or trained on another model.
    """
    manifest, arrays = _opened(content)
    classifier = Classifier(manifest.kind, arrays["weights"], arrays["support"])
    if _digest(classifier) != manifest.arrays:
        raise TrainedError(f"is damaged: its numbers don't have the recorded digest. {REMEDY}")
    for problem in _problems(manifest, classifier):
        raise TrainedError(f"{problem}. {REMEDY}")
    if space is not None and manifest.space != space:
        there, here = manifest.space, space
        which = f"{there.model} ({there.sha256[:12]}), this is {here.model} ({here.sha256[:12]})"
        raise TrainedError(f"was trained on the embedding of {which}. {REMEDY}")
    return TrainedIntents(manifest, classifier)


def _opened(content: bytes) -> tuple[Manifest, dict[str, Floats]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            found: dict[str, NDArray[np.generic]] = {name: archive[name] for name in ("manifest", *ARRAYS)}
        told = found.pop("manifest").tobytes()
        schema = msgspec.json.decode(told, type=_Versioned).schema
        if schema != SCHEMA:
            raise TrainedError(f"has schema {schema}, this program reads schema {SCHEMA}. {REMEDY}")
        manifest = msgspec.json.decode(told, type=Manifest)
    except TrainedError:
        raise
    except _UNREADABLE as error:
        raise TrainedError(f"is no file of trained intents, or a damaged one ({error}). {REMEDY}") from error
    for name, array in found.items():
        if array.dtype != np.float32 or array.ndim != 2 or not np.isfinite(array.astype(np.float64)).all():
            raise TrainedError(f"is damaged: `{name}` is no table of numbers. {REMEDY}")
    return manifest, {name: array.astype(np.float32) for name, array in found.items()}


def _problems(manifest: Manifest, classifier: Classifier) -> list[str]:
    labels, dim = manifest.labels, manifest.space.dim
    kernel = manifest.kind == "kernel"
    rows = len(classifier.support) if kernel else dim + 1
    checks = {
        "has the same label twice": len(set(labels)) == len(labels),
        "has not one button text a label": len(manifest.asks) == len(labels),
        "has weights of another shape than its labels": classifier.weights.shape == (rows, len(labels)),
        "has support of another shape than its embedding": classifier.support.shape[1] == dim,
        "has no support": not kernel or rows > 0,
    }
    return [problem for problem, holds in checks.items() if not holds]


def _digest(classifier: Classifier) -> str:
    digest = sha256()
    for array in (classifier.weights, classifier.support):
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
