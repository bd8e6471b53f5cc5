"""Experiments without a server: the same rules on the same database, which a running server follows within seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from server.chat.experiments import Experiments, Found, Read
from server.cli.ledger import with_store
from server.cli.options import load
from server.clock import SystemClock
from server.contents import champion_folder, read_personas, read_trained, read_yaml
from server.errors import StartupError
from server.store.sql import SqlStore
from server.wiring.trials import abilities

if TYPE_CHECKING:
    from server.settings import Settings
    from server.store.experiment_ports import ExperimentRow

T = TypeVar("T")


class ExperimentDesk:
    """What the commands do. Ends a command with 1 where something is refused."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def do(self, work: Callable[[Experiments], Awaitable[T]]) -> T:
        """What ``work`` gives on the experiments of the database."""
        personas = read_personas(self._settings.personas_path)
        can = abilities(self._settings, personas, self._intents)

        def opened(store: SqlStore) -> Awaitable[T]:
            silence_ms = self._settings.silence_ms
            return work(Experiments(store=store, clock=SystemClock(), can=can, silence_ms=silence_ms))

        return with_store(self._settings, opened)

    def create(self, file: Path | None, template: str | None, experiment_id: str | None, by: str) -> Found:
        """From a YAML file, a template, or a template and a file with what differs."""
        document: dict[str, Any] = {} if file is None else _mapping(file)
        given = {"template": template, "id": experiment_id}
        document |= {key: value for key, value in given.items() if value is not None}
        return self.do(lambda experiments: experiments.create(document, by))

    def with_history(self, experiment_id: str) -> tuple[Found, list[ExperimentRow]]:
        """One, with every revision."""

        async def both(experiments: Experiments) -> tuple[Found, list[ExperimentRow]]:
            return await experiments.one(experiment_id), await experiments.history(experiment_id)

        return self.do(both)

    def report(self, experiment_id: str) -> Read:
        """What is recorded now, analysed."""
        return self.do(lambda experiments: experiments.report(experiment_id))

    def _intents(self) -> Collection[str]:
        from inference.errors import ModelError
        from inference.pack import read_manifest

        if self._settings.intents is not None:
            return read_trained(self._settings.intents, None).manifest.labels
        try:
            return read_manifest(champion_folder(self._settings)).heads.intent.labels
        except ModelError as error:
            raise StartupError(str(error)) from error


def open_desk(**flags: Any) -> ExperimentDesk:
    """With the settings of this call."""
    return ExperimentDesk(load(check=False, make=False, **flags).settings)


def _mapping(file: Path) -> dict[str, Any]:
    document = read_yaml(file)
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise StartupError(f"{file} holds no experiment.", "Write keys and values, as docs/experiments.md shows.")
    return document
