"""The engines of one process: who answers which conversation, and who reads beside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

from inference.analysis import Analysis
from inference.engine import Engine, EngineStats
from inference.errors import EngineClosed, EngineError
from inference.intents.trained import TrainedIntents, space_of
from inference.registry.deployment import Canary, in_canary
from inference.registry.shadow import Shadow, Tally

CLOSE_WITHIN_S = 5.0
"""For a shadow and for who has been replaced: a model that hangs must not keep the process from ending."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is in use. ``canary`` answers its share of conversations by an engine of its own; ``shadow`` is never an
    engine that answers."""

    champion: Engine
    canary: tuple[Canary, Engine] | None = None
    shadow: Engine | None = None

    def engines(self) -> Iterator[Engine]:
        """Each once."""
        yield self.champion
        if self.canary is not None:
            yield self.canary[1]
        if self.shadow is not None:
            yield self.shadow


class Fleet:
    """Understands texts by whoever is in use at that moment. All methods belong to the event loop's thread.

    ``tally``: where the comparisons of a shadow are counted, by its version. ``failed``: told of each text that a
    canary could not read and the champion then read instead.
    """

    def __init__(
        self, champion: Engine, *, tally: Callable[[str], Tally], failed: Callable[[str, Exception], None]
    ) -> None:
        self._tally = tally
        self._failed = failed
        self._roster = Roster(champion)
        self._champion = champion
        self._canary: tuple[Canary, Engine] | None = None
        self._shadow: Shadow | None = None
        self._alone = True
        self._answering = 0
        self._gone = EngineStats(0, 0, 0, 0, 0, 0)
        self._leaving: dict[Engine, asyncio.Task[None]] = {}

    @property
    def roster(self) -> Roster:
        """Who is in use now."""
        return self._roster

    @property
    def is_settled(self) -> bool:
        """Whether everybody who has been replaced is closed."""
        return not self._leaving

    async def analyse(self, text: str, *, timeout_s: float, conversation: str) -> Analysis:
        """See ``Engine.analyse``. ``conversation``: whose text it is; the same one stays with the same canary."""
        if self._alone:
            return await self._champion.analyse(text, timeout_s=timeout_s)
        return await self._tried(text, timeout_s, conversation)

    def deploy(self, roster: Roster) -> None:
        """From the next text on these are in use. Who is not any more answers what it has begun, and is closed."""
        before = set(self._roster.engines())
        if self._shadow is not None and self._shadow.engine is not roster.shadow:
            self._shadow.end()
            self._shadow = None
        if self._shadow is None and roster.shadow is not None:
            self._shadow = Shadow(roster.shadow, self._tally(roster.shadow.model), self._is_answering)
        self._roster, self._champion, self._canary = roster, roster.champion, roster.canary
        self._alone = roster.canary is None and roster.shadow is None
        for engine in before - set(roster.engines()):
            self._leaving[engine] = asyncio.create_task(self._retire(engine), name=f"retire {engine.model}")

    def teach(self, intents: TrainedIntents | None) -> None:
        """The user's intents, for everybody in use on whose embedding they were trained."""
        for engine in self._roster.engines():
            if intents is None or intents.manifest.space == space_of(engine.manifest):
                engine.teach(intents)

    def warm_up(self) -> None:
        """See ``Engine.warm_up``; the libraries are the same for all engines."""
        self._champion.warm_up()

    def stats(self) -> EngineStats:
        """Of all engines since the start; ``waiting``: for a model that answers."""
        everybody = (*self._roster.engines(), *self._leaving)
        summed = self._gone
        for engine in everybody:
            summed = _sum(summed, engine.stats())
        return replace(summed, waiting=self._waiting())

    async def close(self) -> None:
        """Close everybody; see ``Engine.close``. Idempotent."""
        if self._shadow is not None:
            self._shadow.end()
        leaving = dict(self._leaving)
        for task in leaving.values():
            task.cancel()
        await asyncio.gather(*leaving.values(), return_exceptions=True)
        aside = [*leaving, *([self._roster.shadow] if self._roster.shadow is not None else [])]
        await asyncio.gather(*(engine.close(CLOSE_WITHIN_S) for engine in aside))
        await asyncio.gather(*(engine.close() for engine in set(self._roster.engines()) - set(aside)))

    async def _tried(self, text: str, timeout_s: float, conversation: str) -> Analysis:
        canary, shadow = self._canary, self._shadow
        self._answering += 1
        try:
            if canary is not None and in_canary(conversation, canary[0]):
                analysis = await self._by_canary(canary[1], text, timeout_s)
            else:
                analysis = await self._champion.analyse(text, timeout_s=timeout_s)
        finally:
            self._answering -= 1
        if shadow is not None and analysis.model != shadow.engine.model:
            shadow.offer(text, analysis)
        return analysis

    async def _by_canary(self, engine: Engine, text: str, timeout_s: float) -> Analysis:
        try:
            return await engine.analyse(text, timeout_s=timeout_s)
        except EngineError as error:
            # No customer pays for a trial. At worst the text takes its deadline twice.
            if not isinstance(error, EngineClosed):
                self._failed(engine.model, error)
            return await self._champion.analyse(text, timeout_s=timeout_s)

    def _waiting(self) -> int:
        return self._champion.waiting + (self._canary[1].waiting if self._canary is not None else 0)

    def _is_answering(self) -> bool:
        return self._answering > 0

    async def _retire(self, engine: Engine) -> None:
        try:
            await engine.retire(CLOSE_WITHIN_S)
        finally:
            del self._leaving[engine]
            self._gone = replace(_sum(self._gone, engine.stats()), cache_entries=0)


def _sum(one: EngineStats, other: EngineStats) -> EngineStats:
    return EngineStats(*(getattr(one, field.name) + getattr(other, field.name) for field in fields(EngineStats)))
