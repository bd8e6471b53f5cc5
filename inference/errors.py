"""What can go wrong between a text and its analysis, and whose fault it is.

InferenceError
├── ModelError            the model folder is not usable; nothing can run: exit code 2
├── ProductsError         the list of product names is not usable: exit code 2
├── RegistryError         the model registry can't be read or changed as asked
│   └── GateError         a version that may not answer: worse than the champion, or not fit for the user's intents
└── EngineError           one analysis was not made
    ├── EngineBusy        too many texts are waiting: temporary, come back later
    ├── EngineTimeout     the caller's deadline passed
    ├── EngineClosed      the engine was closed before the text's turn came
    └── EngineFailed      the model run itself failed; the cause is chained
"""

from __future__ import annotations

from pathlib import Path

REMEDY = "Restore it from the release, or pack the model again."


class InferenceError(Exception):
    """Root of everything that this package raises on purpose."""


class ModelError(InferenceError):
    """A model folder that can't be used. ``path`` is the file at fault, ``remedy`` says what to do."""

    def __init__(self, path: Path, problem: str, remedy: str = REMEDY) -> None:
        super().__init__(f"{path} {problem}. {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class ProductsError(InferenceError):
    """A list of product names that can't be used. ``path`` is the file at fault, ``remedy`` says what to do."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}. {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class RegistryError(InferenceError):
    """The model registry can't be read or changed as asked. ``remedy`` says what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy


class GateError(RegistryError):
    """A version that may not answer customers: the gate refuses it."""


class EngineError(InferenceError):
    """One analysis was not made."""


class EngineBusy(EngineError):
    """The waiting line is full."""


class EngineTimeout(EngineError):
    """The deadline passed before the analysis was ready."""


class EngineClosed(EngineError):
    """The engine is closed, or was closed while the text waited."""


class EngineFailed(EngineError):
    """The model run failed for this text's batch."""
