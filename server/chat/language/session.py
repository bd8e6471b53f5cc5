"""One answer by a writer: its tries, its words into deltas, what is made of them at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from inference.errors import ModelError
from server.chat.language.checks import MAX_ANSWER_CODE_POINTS, Embed, Verdict, judge, whole_sentences
from server.chat.language.deltas import Deltas
from server.chat.language.draft import Draft, Found, Guard, Leaked
from server.chat.language.pump import Interrupted, Interruption, Over, Pump, Quiet
from server.chat.language.rules import AuthorRules
from server.chat.language.tokens import estimate_tokens
from server.chat.language.values import (
    RETRIED,
    Ended,
    EndReason,
    LanguageWriter,
    Text,
    Used,
    WriterFailure,
    WritingRequest,
)
from server.clock import Clock

_log = structlog.get_logger(__name__)

RETRY_MS: Final = 200.0
# Forty sentences take some 50 ms; a customer who has read the answer already waits for its end no longer than this.
JUDGING_S: Final = 1.0
# A token has about four letters; a server that goes on for twice as long does not keep to its limit.
CODE_POINTS_PER_TOKEN: Final = 8


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came of it: ``text`` with the passages it cites; or why nobody should read it (``problem``), or why
    nobody waits for it (``interrupted``)."""

    text: str = ""
    cited: tuple[int, ...] = ()
    confidence: float | None = None
    problem: str | None = None
    interrupted: str | None = None


class Session:
    """Run once. What it took is known afterwards, however it ended: ``used``, ``tries`` and the times."""

    def __init__(
        self,
        *,
        writer: LanguageWriter,
        request: WritingRequest,
        rules: AuthorRules,
        deltas: Deltas,
        personal: Callable[[str], Sequence[Found]],
        interruption: Interruption,
        clock: Clock,
        rng: random.Random,
        embed: Embed | None = None,
    ) -> None:
        self._embed = embed
        self.request = request
        self.tries = 0
        self.first_token_ms: int | None = None
        self._writer = writer
        self._rules = rules
        self._deltas = deltas
        self._personal = personal
        self._interruption = interruption
        self._clock = clock
        self._rng = rng
        self._started_ms = clock.mono_ms()
        self._counted: Used | None = None
        self._heard = ""

    @property
    def total_ms(self) -> int:
        return round(self._clock.mono_ms() - self._started_ms)

    @property
    def is_estimated(self) -> bool:
        return self._counted is None

    @property
    def used(self) -> Used:
        """As the writer counted, or by our own count; a request that brought nothing is taken to cost nothing."""
        if self._counted is not None:
            return self._counted
        if self.first_token_ms is None:
            return Used(0, 0)
        return Used(self.request.prompt.tokens, estimate_tokens(self._heard))

    async def run(self, question: str) -> Spoken:
        """Raises ``WriterFailure`` when no try brought an answer."""
        until_s = asyncio.get_running_loop().time() + self._rules.deadlines.whole_s
        while True:
            self.tries += 1
            draft = Draft(self._guard())
            try:
                ended = await self._stream(draft, until_s)
            except WriterFailure as failure:
                if not await self._may_retry(failure, until_s):
                    raise
                continue
            except Leaked:
                return Spoken(problem="leak")
            if isinstance(ended, Interrupted):
                return Spoken(interrupted=ended.reason)
            return await self._judged(draft, ended, question)

    def _guard(self) -> Guard:
        prompt = self.request.prompt
        return Guard(
            personal=self._personal,
            passages=len(prompt.passages),
            public=(*(f"{one.title}\n{one.text}" for one in prompt.passages), *self.request.public),
            instructions=prompt.instructions,
            nonce=prompt.nonce,
            values=self.request.values,
        )

    async def _stream(self, draft: Draft, until_s: float) -> EndReason | Interrupted:
        most = min(MAX_ANSWER_CODE_POINTS, self.request.parameters.max_tokens * CODE_POINTS_PER_TOKEN)
        ended: EndReason | None = None
        source = self._writer.stream(self.request)
        async with Pump(source, self._rules.deadlines, self._interruption, until_s) as pump:
            while True:
                match await pump.next(self._deltas.patience_s):
                    case Interrupted() as word:
                        return word
                    case Quiet():
                        await self._deltas.flush()
                    case Text(text):
                        await self._heard_text(draft, text)
                        if len(draft.shown) > most:
                            ended = "length"
                            break
                    case Ended(reason):
                        ended = reason
                        pump.ending()
                    case Used() as counted:
                        self._counted = counted
                    case Over():
                        break
        if ended is None:
            raise WriterFailure("cut", "the stream ended in mid-answer")
        await self._deltas.say(draft.end())
        await self._deltas.flush()
        return ended

    async def _heard_text(self, draft: Draft, text: str) -> None:
        if self.first_token_ms is None and text:
            self.first_token_ms = self.total_ms
        self._heard += text
        fresh = draft.add(text)
        if fresh:
            await self._deltas.say(fresh)

    async def _may_retry(self, failure: WriterFailure, until_s: float) -> bool:
        """Only before the first token: what was said can't be said in other words."""
        if self._heard or failure.kind not in RETRIED or self.tries > self._rules.retries:
            return False
        pause_ms = max(RETRY_MS * self.tries * (0.5 + self._rng.random()), failure.retry_after_ms or 0.0)
        if asyncio.get_running_loop().time() + pause_ms / 1_000 >= until_s:
            return False
        try:
            async with asyncio.timeout(pause_ms / 1_000):
                await self._interruption.wait()
        except TimeoutError:
            pass
        return True

    async def _judged(self, draft: Draft, ended: EndReason, question: str) -> Spoken:
        text = draft.shown
        if ended == "filtered":
            return Spoken(problem="filtered")
        if ended == "length":
            text = whole_sentences(text[:MAX_ANSWER_CODE_POINTS])
        verdict = await self._verdict(text, question)
        if not verdict.text:
            return Spoken(problem="length" if draft.shown else "empty")
        if verdict.confidence is not None and verdict.confidence < self._rules.min_confidence:
            return Spoken(problem="ungrounded", confidence=verdict.confidence)
        return Spoken(verdict.text, verdict.cited, verdict.confidence)

    async def _verdict(self, text: str, question: str) -> Verdict:
        """By words and by meaning; by words alone where there are no passages, or the model in use is closing."""
        passages, rules = self.request.prompt.passages, self._rules
        by_words = partial(judge, text, passages, question, rules.calibration)
        if self._embed is None or not passages:
            return by_words()
        by_meaning = partial(by_words, embed=self._embed, with_meaning=rules.with_meaning)
        try:
            async with asyncio.timeout(JUDGING_S):
                return await asyncio.to_thread(by_meaning)
        except (TimeoutError, RuntimeError, ModelError) as error:
            _log.warning("answer judged by words alone", reason=repr(error))
            return by_words()
