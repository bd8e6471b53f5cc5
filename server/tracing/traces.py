"""What is put around the turn's ports: each call becomes a span, and does what it did before."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Tracer
from structlog.contextvars import bind_contextvars

from server import __version__
from server.store.ports import Answer, Append, OpenTurn
from server.telemetry.tracing import Part, Tracing
from server.tracing.http import TracedHttp
from server.tracing.models import TracedModel
from server.tracing.sockets import TracedEndpoint

T = TypeVar("T")
Call = Callable[..., Any]

# Turns under way or queued whose message's span is known; beyond that a turn begins a trace of its own.
MAX_WAITING = 8_192


class Wrapped:
    """A port of which some methods are others."""

    def __init__(self, port: Any, **instead: Call) -> None:
        self._port = port
        self.__dict__.update(instead)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class Traces(Tracing):
    """Of one worker. ``database`` is ``db.system.name``; ``provider_name`` and ``model_url`` say who runs the
    language model (``gen_ai.provider.name``, ``server.address``). Texts and names of people stand in no span."""

    def __init__(
        self, provider: TracerProvider, *, database: str, provider_name: str = "", model_url: str = ""
    ) -> None:
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("parlance", __version__)
        self._database = database
        self._waiting: OrderedDict[str, SpanContext] = OrderedDict()
        self._around: dict[Part, Callable[[Any], Any]] = {
            "author": lambda port: Wrapped(port, rewrite=self._awaited("rewrite", port.rewrite)),
            "bot": lambda bot: Wrapped(bot, answer=self._answering(bot.answer)),
            "engine": lambda port: Wrapped(port, analyse=self._awaited("understand", port.analyse, _understood)),
            "fanout": lambda port: Wrapped(port, publish_message=self._awaited("fan out", port.publish_message)),
            "http": lambda app: TracedHttp(self._tracer, app),
            "knowledge": lambda port: Wrapped(port, find=self._awaited("search knowledge", port.find, _found)),
            "learner": lambda port: Wrapped(port, choose=self._choosing(port)),
            "model": lambda writer: TracedModel(self._tracer, writer, provider_name, model_url),
            "sockets": lambda _: partial(TracedEndpoint, self._tracer),
            "store": self._store,
            "submit": self._submitting,
            "trials": lambda port: Wrapped(port, draw=self._drawing(port)),
            "voice": lambda port: Wrapped(port, write=self._called("write", port.write, _written)),
        }

    def around(self, part: Part, port: T) -> T:
        return port if port is None else cast(T, self._around[part](port))

    def close(self) -> None:
        self._provider.shutdown()

    # ------------------------------------------------------------------ plain calls

    def _awaited(self, name: str, call: Call, describe: Callable[[Any], dict[str, Any]] | None = None) -> Call:
        async def traced(*args: Any, **kwargs: Any) -> Any:
            with self._tracer.start_as_current_span(name) as span:
                result = await call(*args, **kwargs)
                if describe is not None and span.is_recording():
                    span.set_attributes(describe(result))
                return result

        return traced

    def _called(self, name: str, call: Call, describe: Callable[[Any], dict[str, Any]]) -> Call:
        def traced(*args: Any, **kwargs: Any) -> Any:
            with self._tracer.start_as_current_span(name) as span:
                result = call(*args, **kwargs)
                if span.is_recording():
                    span.set_attributes(describe(result))
                return result

        return traced

    # ------------------------------------------------------------------ the choice

    def _choosing(self, learner: Any) -> Call:
        def described(decision: Any) -> dict[str, Any]:
            policy = {"parlance.policy": learner.name, "parlance.policy.version": learner.version}
            return {**policy, **_chosen(decision)}

        return self._called("choose persona", learner.choose, described)

    def _drawing(self, trials: Any) -> Call:
        """An experiment's variant chooses, or nobody does: then there is nothing to tell."""

        def draw(*args: Any, **kwargs: Any) -> Any:
            started_ns = time.time_ns()
            drawn = trials.draw(*args, **kwargs)
            if drawn is not None:
                policy = {"parlance.policy": drawn.log, "parlance.policy.version": drawn.version}
                about = {**policy, **_chosen(drawn.decision)}
                self._tracer.start_span("choose persona", start_time=started_ns, attributes=about).end()
            return drawn

        return draw

    # ------------------------------------------------------------------ the ledger

    def _store(self, store: Any) -> Any:
        def committing(name: str, call: Call) -> Call:
            async def traced(told: Append | Answer) -> Any:
                about = {"db.system.name": self._database, "parlance.channel": _channel(told)}
                with self._tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=about) as span:
                    done = await call(told)
                    span.set_attribute("parlance.stored", done is not None and not getattr(done, "duplicate", False))
                    return done

            return traced

        return Wrapped(
            store,
            append=committing("commit message", store.append),
            answer=committing("commit answer", store.answer),
        )

    # ------------------------------------------------------------------ the turn

    def _submitting(self, submit: Callable[[OpenTurn], None]) -> Callable[[OpenTurn], None]:
        """Turns run in a context of their own: remember under which span their message came."""

        def traced(turn: OpenTurn) -> None:
            came = trace.get_current_span().get_span_context()
            if came.is_valid:
                self._waiting[turn.turn_id] = came
                if len(self._waiting) > MAX_WAITING:
                    self._waiting.popitem(last=False)
            submit(turn)

        return traced

    def _answering(self, answer: Callable[[OpenTurn, bool], Awaitable[bool]]) -> Call:
        async def traced(turn: OpenTurn, last_try: bool) -> bool:
            about: dict[str, str | int | bool] = {
                "parlance.channel": turn.message.channel,
                "parlance.turn": turn.turn_id,
                "parlance.offset": turn.message.offset,
                "parlance.last_try": last_try,
            }
            parent = _under(self._waiting.get(turn.turn_id))
            with self._tracer.start_as_current_span("turn", context=parent, attributes=about) as span:
                bind_contextvars(trace_id=trace.format_trace_id(span.get_span_context().trace_id))
                done = await answer(turn, last_try)
                span.set_attribute("parlance.answered", done)
            self._waiting.pop(turn.turn_id, None)  # not where it raised: it is tried again, in the same trace
            return done

        return traced


def _under(parent: SpanContext | None) -> Context:
    return Context() if parent is None else trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _channel(told: Append | Answer) -> str:
    return told.channel if isinstance(told, Append) else told.turn.message.channel


def _understood(analysis: Any) -> dict[str, Any]:
    return {
        "parlance.intent": analysis.intent,
        "parlance.act": analysis.act,
        "parlance.sentiment": round(analysis.sentiment.score, 3),
        "parlance.language": analysis.language,
    }


def _found(found: Any) -> dict[str, Any]:
    return {"parlance.knowledge": "answered" if found.answer else "offered" if found.nearest else "nothing"}


def _chosen(decision: Any) -> dict[str, Any]:
    return {"parlance.persona": decision.arm, "parlance.propensity": round(decision.propensity, 6)}


def _written(written: Any) -> dict[str, Any]:
    return {"parlance.answer.kind": written.kind}
