"""The other writer: a language model in the place of the built-in one, whose answer stands ready all the same.

Whatever goes wrong (budget spent, circuit open, time-out, leak, no ground), the customer gets the built-in writer's
answer; the turn itself never fails here.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import structlog

from adapters.personas import Persona
from server.chat.language.answers import AnswerKey, answer_key
from server.chat.language.book import PromptBook, with_changes
from server.chat.language.breaker import Breaker
from server.chat.language.budget import Exhausted, day_start_ms
from server.chat.language.checks import Embed
from server.chat.language.deltas import Deltas
from server.chat.language.draft import Found
from server.chat.language.masking import Mask
from server.chat.language.ports import NO_PARAMETERS, Abandoned
from server.chat.language.prompt import Line, Matter, build_prompt
from server.chat.language.rules import AuthorRules
from server.chat.language.session import Session, Spoken
from server.chat.language.still_wanted import StillWanted
from server.chat.language.values import (
    Exchange,
    LanguageWriter,
    Parameters,
    Passage,
    Prompt,
    WriterFailure,
    WritingRequest,
)
from server.chat.peer import GUEST_NAME
from server.chat.recent import Recent
from server.chat.writer import BuiltInWriter, Written
from server.chat.writer.conditions import Kind
from server.clock import Clock
from server.fanout.hub import Fanout
from server.store.ports import Answer, Store
from server.store.usage_ports import Amount, ContextWish, LanguageContext, ModelUsage, Outcome, Spent
from server.telemetry import Metrics

_log = structlog.get_logger(__name__)

# What nobody should wait for, or improvise: the way to a person, and the word that something is broken.
KEPT_KINDS = frozenset({"handover", "error"})
WINDOW_MESSAGES = 40
RATED_TURNS = 3
RATING_FROM = 0.75
# An answer that could not be stored is not asked for again: the ledger is away for seconds, and models cost.
REMEMBERED_ANSWERS = 64
NONCE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Known:
    """What the turn brings along; see ``Rewriter``."""

    passages: Sequence[Passage]
    preferences: Sequence[str]
    parameters: Mapping[str, object]


class Author:
    """Rewrites answers with ``writer``. One per worker; everything runs on the event loop's thread."""

    def __init__(
        self,
        *,
        writer: LanguageWriter,
        book: PromptBook,
        rules: AuthorRules,
        personas: Mapping[str, Persona],
        store: Store,
        fanout: Fanout,
        clock: Clock,
        rng: random.Random,
        new_id: Callable[[], str],
        metrics: Metrics,
        personal: Callable[[str], Sequence[Found]],
        builtin: BuiltInWriter,
        embed: Embed | None = None,
        cache_entries: int = 0,
    ) -> None:
        self._embed = embed
        self._writer = writer
        self._builtin = builtin
        self._book = book
        self._rules = rules
        self._personas = personas
        self._store = store
        self._fanout = fanout
        self._clock = clock
        self._rng = rng
        self._new_id = new_id
        self._metrics = metrics.language
        self._personal = personal
        self._breaker = Breaker(rules.breaker)
        self.resting = False
        """Whether the built-in writer answers alone, since somebody wants so."""
        self._answers: Recent[AnswerKey, Spoken] = Recent(
            cache_entries, lambda hit: metrics.articles.looked_up("answers", hit=hit)
        )
        self._under_way: dict[str, tuple[str, Amount]] = {}
        self._remembered: OrderedDict[str, tuple[Answer, Written]] = OrderedDict()
        self._metrics.watch_breaker(lambda: self._breaker.state(self._clock.mono_ms()))

    def forget(self) -> None:
        """Articles have changed: no answer is given again."""
        self._answers.clear()

    @property
    def is_away(self) -> bool:
        """Whether the circuit to the model server is open: nobody asks it."""
        return self._breaker.state(self._clock.mono_ms()) == "open"

    async def close(self) -> None:
        """Release the writer."""
        await self._writer.close()

    async def rewrite(
        self,
        answer: Answer,
        written: Written,
        *,
        passages: Sequence[Passage] = (),
        preferences: Sequence[str] = (),
        parameters: Mapping[str, object] = NO_PARAMETERS,
    ) -> tuple[Answer, Written]:
        """``answer`` in the model's words, or as it is: see ``Rewriter``."""
        turn_id = answer.turn.turn_id
        if self.resting or written.kind in KEPT_KINDS or answer.shown is None:
            return answer, written
        known = self._remembered.get(turn_id)
        if known is not None:
            return replace(known[0], turn=answer.turn), known[1]
        if len(self._under_way) >= self._rules.max_streams:
            self._metrics.skipped("busy")
            return answer, written
        self._breaker, allowed = self._breaker.ask(self._clock.mono_ms())
        if not allowed:
            self._metrics.skipped("breaker")
            return answer, written
        is_probe = self._breaker.trying
        try:
            self._under_way[turn_id] = (answer.turn.message.sender.id, Amount())
            done = await self._write(answer, written, Known(passages, preferences, parameters))
        finally:
            if is_probe and self._breaker.trying:  # it ended without telling anything of the server
                self._breaker = self._breaker.given_up()
            self._under_way.pop(turn_id, None)
        self._remembered[turn_id] = done
        if len(self._remembered) > REMEMBERED_ANSWERS:
            self._remembered.popitem(last=False)
        return done

    async def _write(self, answer: Answer, written: Written, known: Known) -> tuple[Answer, Written]:
        turn = answer.turn
        async with StillWanted(self._fanout, turn.message) as still_wanted:
            context = await self._store.language_context(self._wish(answer))
            if context.written_on:
                await self._abandon(answer, None)
            request = self._request(answer, written, context, known)
            key = None if self._personal(turn.message.text) else answer_key(request, turn.message.text)
            recalled = self._answers.get(key) if key is not None else None
            if recalled is not None:
                return self._spoken(answer, written, recalled, request.prompt, None)
            wanted = self._most(request)
            self._under_way[turn.turn_id] = (turn.message.sender.id, wanted)
            spent = self._exhausted(answer, context.spent, wanted)
            if spent is not None:
                self._metrics.skipped("budget")
                told = {"scope": spent.scope, "unit": spent.unit}
                return replace(answer, data={**(answer.data or {}), "budget": told}), written
            deltas = Deltas(self._fanout, self._clock, turn.message.channel, answer.message_id)
            session = Session(
                writer=self._writer,
                request=request,
                rules=self._rules,
                deltas=deltas,
                personal=self._personal,
                interruption=still_wanted.interruption,
                clock=self._clock,
                rng=self._rng,
                embed=self._embed,
            )
            return await self._settle(answer, written, session, deltas, key)

    async def _settle(
        self, answer: Answer, written: Written, session: Session, deltas: Deltas, key: AnswerKey | None
    ) -> tuple[Answer, Written]:
        try:
            spoken = await session.run(answer.turn.message.text)
        except WriterFailure as failure:
            self._breaker = self._breaker.failed_at(self._clock.mono_ms(), at_least_ms=failure.retry_after_ms or 0)
            _log.warning("language model failed", kind=failure.kind, reason=str(failure), tries=session.tries)
            await deltas.instead(answer.text)
            return replace(answer, usage=self._usage(session, "failed", failure.kind)), written
        except BaseException:
            await deltas.abort()
            raise
        self._breaker = self._breaker.succeeded()
        if spoken.interrupted is not None:
            await deltas.abort()
            await self._abandon(answer, self._usage(session, "interrupted", spoken.interrupted))
        if spoken.problem is not None:
            _log.warning("language model's answer withdrawn", problem=spoken.problem)
            if spoken.problem == "ungrounded" and self._rules.doubt != "builtin":
                answer, written = self._doubted(answer, written)
            await deltas.instead(answer.text)
            return replace(answer, usage=self._usage(session, "replaced", spoken.problem)), written
        if key is not None:
            self._answers.put(key, spoken)
        usage = self._usage(session, "answered", "")
        return self._spoken(answer, written, spoken, session.request.prompt, usage)

    def _spoken(
        self, answer: Answer, written: Written, spoken: Spoken, prompt: Prompt, usage: ModelUsage | None
    ) -> tuple[Answer, Written]:
        """The built-in answer with other words: what it stands for in memory and ledger stays, its phrases don't."""
        kind = "other" if written.kind == "clarification" else written.kind
        shown = answer.shown
        if shown is not None and shown.total_us is not None and usage is not None:
            shown = msgspec.structs.replace(shown, total_us=shown.total_us + usage.total_ms * 1_000)
        said = replace(
            answer,
            text=spoken.text,
            data=_data(answer.data or {}, spoken, prompt) or None,
            at_ms=self._clock.now_ms(),
            shown=shown,
            notes={**answer.notes, "phrases": [], "asked_back": False},
            usage=usage,
        )
        return said, replace(written, text=spoken.text, phrases=(), kind=kind)

    def _doubted(self, answer: Answer, written: Written) -> tuple[Answer, Written]:
        """What the passages don't bear out is no answer: the built-in writer asks what is meant, or offers a person."""
        kind: Kind = "handover" if self._rules.doubt == "handover" else "clarification"
        persona = self._personas[answer.shown.persona if answer.shown else ""]
        said = replace(
            self._builtin.say(kind, persona, self._rng, written.spoken), intent=written.intent, known=written.known
        )
        notes = {**answer.notes, "phrases": list(said.phrases), "asked_back": kind == "clarification"}
        return replace(answer, text=said.text, data=said.data(), notes=notes), said

    async def _abandon(self, answer: Answer, used: ModelUsage | None) -> None:
        await self._store.abandon(answer.turn, used)
        raise Abandoned

    # ------------------------------------------------------------------ before it

    def _wish(self, answer: Answer) -> ContextWish:
        message = answer.turn.message
        return ContextWish(
            channel=message.channel,
            offset=message.offset,
            user_id=message.sender.id,
            window=WINDOW_MESSAGES,
            rated=RATED_TURNS,
            rating_from=RATING_FROM,
            since_ms=day_start_ms(self._clock.now_ms()) if self._rules.budget.is_limited else None,
        )

    def _request(self, answer: Answer, written: Written, context: LanguageContext, known: Known) -> WritingRequest:
        message = answer.turn.message
        persona = self._personas[answer.shown.persona if answer.shown else ""]
        variant = answer.shown.experiment.variant if answer.shown and answer.shown.experiment else None
        mask = Mask(self._personal if self._rules.redact_prompts else None)
        question = mask.hide(message.text)
        window = [
            Line(one.sender.kind != "customer", mask.hide(one.text))
            for one in context.window
            if one.sender.kind != "system"
        ]
        examples = [Exchange(mask.hide(one.question), mask.hide(one.answer)) for one in context.rated]
        preferences = [mask.hide(text) for text in (*known.preferences, *context.preferences)]
        matter = Matter(
            question=question,
            persona=persona,
            bot_name=self._rules.bot_name,
            window=window,
            passages=known.passages,
            examples=examples,
            customer_name=None if message.sender.name == GUEST_NAME else message.sender.name,
            preferences=preferences,
            placeholders=tuple(mask.values),
            mood=_mood(answer.analysis),
            variant=variant,
        )
        nonce = f"{self._rng.getrandbits(4 * NONCE_DIGITS):0{NONCE_DIGITS}x}"
        prompt, parameters = build_prompt(self._book, matter, nonce=nonce, most_tokens=self._rules.prompt_tokens)
        return WritingRequest(
            prompt=prompt,
            parameters=with_changes(parameters, known.parameters),
            channel=message.channel,
            message_id=answer.message_id,
            user_id=message.sender.id,
            persona=persona.name,
            variant=variant,
            public=tuple(written.known.values()),
            values=mask.values,
        )

    def _most(self, request: WritingRequest) -> Amount:
        """What one answer can take at most, by our count."""
        parameters: Parameters = request.parameters
        cost = self._rules.prices.cost_micros(request.prompt.tokens, parameters.max_tokens)
        return Amount(request.prompt.tokens + parameters.max_tokens, cost)

    def _exhausted(self, answer: Answer, spent: Spent | None, wanted: Amount) -> Exhausted | None:
        """Others that are under way on this worker count as if they took all that they may."""
        if spent is None:
            return None
        user_id = answer.turn.message.sender.id
        others = [entry for turn_id, entry in self._under_way.items() if turn_id != answer.turn.turn_id]
        by_user = sum((amount for user, amount in others if user == user_id), Amount())
        everybody = sum((amount for _, amount in others), Amount())
        counted = Spent(spent.conversation, spent.user + by_user, spent.everybody + everybody)
        return self._rules.budget.check(counted, wanted)

    # ------------------------------------------------------------------ after it

    def _usage(self, session: Session, outcome: Outcome, reason: str) -> ModelUsage:
        request, counted = session.request, session.used
        usage = ModelUsage(
            usage_id=self._new_id(),
            user_id=request.user_id,
            model=self._writer.model,
            persona=request.persona,
            variant=request.variant,
            outcome=outcome,
            prompt_tokens=counted.prompt_tokens,
            completion_tokens=counted.completion_tokens,
            estimated=session.is_estimated,
            cost_micros=self._rules.prices.cost_micros(counted.prompt_tokens, counted.completion_tokens),
            first_token_ms=session.first_token_ms,
            total_ms=session.total_ms,
            tries=session.tries,
            at_ms=self._clock.now_ms(),
        )
        self._metrics.used(usage, reason)
        return usage


def _data(data: Mapping[str, Any], spoken: Spoken, prompt: Prompt) -> dict[str, Any]:
    """The built-in answer's, with the model's citations in place of its own; what was known of a passage stays."""
    kept = {name: value for name, value in data.items() if name != "citations"}
    known = {one.get("passage"): one for one in data.get("citations", ())}
    cited = [(number, prompt.passages[number - 1]) for number in spoken.cited]
    found = [
        {"passage": passage.id, "title": passage.title, **known.get(passage.id, {}), "number": number}
        for number, passage in cited
    ]
    return {**kept, "citations": found} if found else kept


def _mood(analysis: Mapping[str, Any]) -> str:
    """Such as "very negative, with anger"; nothing for what is neutral."""
    label = str(analysis.get("sentiment", {}).get("label", "neutral")).replace("_", " ")
    emotions: Mapping[str, float] = analysis.get("emotions", {})
    emotion = max(emotions, key=lambda name: emotions[name]) if emotions else "neutral"
    if label == "neutral":
        return "" if emotion == "neutral" else f"of {emotion}"
    return label if emotion == "neutral" else f"{label}, with {emotion}"
