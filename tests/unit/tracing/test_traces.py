"""One turn as spans, kept in memory: who is whose child, and what each says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from structlog.contextvars import clear_contextvars, get_contextvars

from inference.errors import EngineTimeout
from server.chat.language.values import (
    Ended,
    LanguageWriter,
    Parameters,
    Prompt,
    Text,
    Used,
    WriterFailure,
    WritingRequest,
)
from server.errors import StartupError
from server.knowledge.index import NOTHING_FOUND
from server.store.ports import Append, OpenTurn
from server.telemetry.tracing import Tracing
from server.tracing.provider import make_provider
from server.tracing.traces import Traces
from server.wire.frames import Message
from tests.unit.chat.answering import ALICE, FakeStore, House, turn
from tests.unit.chat.test_memory import analysis
from tests.unit.language.house import HELLO, FakeWriter, Said

REQUEST = WritingRequest(Prompt((), (), 0, "", ""), Parameters(), "conv:c", "m1", "alice", "calm")
MESSAGE = Append("conv:c", ALICE, "k", "where is it?", "m1", 1)


class Ledger(FakeStore):
    async def append(self, append: Append) -> Message:
        return Message(append.channel, "e", 1, append.message_id, append.at_ms, append.sender, append.text)


class Library:
    async def find(self, text: str, analysis: Any) -> Any:
        return NOTHING_FOUND

    def asked(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass
class Watched:
    """A bot of fakes, each of them traced as the composition root does it."""

    traces: Traces
    kept: InMemorySpanExporter
    house: House

    def bot(self) -> Any:
        around, house = self.traces.around, self.house
        house.store = around("store", Ledger())
        house.fanout = around("fanout", house.fanout)
        bot = house.bot()
        parts: Any = bot
        parts._understanding._analyser = around("engine", house.engine)
        parts._understanding._knowledge = around("knowledge", cast(Any, Library()))
        parts._choosing._learner = around("learner", parts._choosing._learner)
        parts._voice = around("voice", parts._voice)
        return around("bot", bot)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.kept.get_finished_spans())

    def tree(self) -> list[str]:
        """Names from the root down, in the order of their starts."""
        by_id = {span.context.span_id: span for span in self.spans}

        def path(span: ReadableSpan) -> str:
            above = by_id.get(span.parent.span_id) if span.parent else None
            return f"{path(above)} > {span.name}" if above else span.name

        return [path(span) for span in sorted(self.spans, key=lambda span: span.start_time or 0)]

    def one(self, name: str) -> ReadableSpan:
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def told(self, name: str) -> dict[str, Any]:
        return dict(self.one(name).attributes or {})


@pytest.fixture
def watched() -> Iterator[Watched]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    url = "https://models.example/v1"
    traces = Traces(provider, database="sqlite", provider_name="openai", model_url=url)
    yield Watched(traces, kept, House())
    traces.close()
    clear_contextvars()


async def test_a_turn_is_a_trace_from_its_message_to_its_fan_out(watched: Watched) -> None:
    submitted: list[OpenTurn] = []
    submit = watched.traces.around("submit", submitted.append)
    bot = watched.bot()
    watched.house.engine.results = [analysis(-0.5)]
    tracer = watched.traces._tracer
    with tracer.start_as_current_span("send message"):
        await watched.house.store.append(MESSAGE)  # type: ignore[attr-defined]
        submit(turn(1))
    assert await bot.answer(submitted[0], False)
    assert watched.tree() == [
        "send message",
        "send message > commit message",
        "send message > turn",
        "send message > turn > understand",
        "send message > turn > search knowledge",
        "send message > turn > choose persona",
        "send message > turn > write",
        "send message > turn > commit answer",
        "send message > turn > fan out",
    ]
    assert len({span.context.trace_id for span in watched.spans}) == 1
    assert get_contextvars()["trace_id"] == f"{watched.one('turn').context.trace_id:032x}"
    told = watched.told("turn")
    assert (told["parlance.turn"], told["parlance.channel"], told["parlance.answered"]) == ("t1", "conv:c", True)
    assert watched.told("understand")["parlance.intent"] == "order_status"
    chosen = watched.told("choose persona")
    assert (chosen["parlance.policy"], chosen["parlance.propensity"]) == ("uniform", 0.5)
    assert watched.told("commit answer")["db.system.name"] == "sqlite"
    everything = " ".join(str(value) for span in watched.spans for value in (span.attributes or {}).values())
    assert "where is it" not in everything
    assert "answer 1" not in everything
    assert "Alice" not in everything


async def test_a_turn_that_fails_says_why_and_is_tried_again_in_its_trace(watched: Watched) -> None:
    bot, submit = watched.bot(), watched.traces.around("submit", lambda _: None)
    watched.house.engine.results = [EngineTimeout("late"), analysis(), analysis()]
    with watched.traces._tracer.start_as_current_span("send message") as span:
        submit(turn(1))  # type: ignore[no-untyped-call]
    with pytest.raises(EngineTimeout):
        await bot.answer(turn(1), False)
    await bot.answer(turn(1), False)
    await bot.answer(turn(3), False)  # of another worker's message: nobody knows its trace
    first, second, other = (span for span in watched.spans if span.name == "turn")
    assert first.status.status_code is StatusCode.ERROR
    assert second.status.status_code is StatusCode.UNSET
    assert first.context.trace_id == second.context.trace_id == span.get_span_context().trace_id
    assert other.parent is None


async def test_a_writer_that_comes_later_is_watched_too(watched: Watched) -> None:
    bot: Any = watched.bot()
    bot._voice.write_with(watched.house.writer)
    watched.house.engine.results = [analysis()]
    await bot.answer(turn(1), False)
    assert watched.told("write") == {"parlance.answer.kind": "question"}


FAILED = WriterFailure("server", "500")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (HELLO, {"gen_ai.usage.input_tokens": 50, "gen_ai.response.finish_reasons": ("stop",)}),
        ((Text("It"), Ended("filtered")), {"gen_ai.response.finish_reasons": ("content_filter",)}),
        ((FAILED,), {"error.type": "server"}),
    ],
)
async def test_a_language_model_is_told_of_by_the_conventions(
    watched: Watched, said: Said, told: dict[str, Any]
) -> None:
    inner = FakeWriter(said)
    writer = watched.traces.around("model", cast(LanguageWriter, inner))
    with watched.traces._tracer.start_as_current_span("rewrite"):
        stream = writer.stream(REQUEST)
    try:
        seen = [event async for event in stream]
    except WriterFailure as failure:
        seen = [failure]  # type: ignore[list-item]
    assert seen == list(said)
    assert watched.tree() == ["rewrite", "rewrite > chat fake"]
    found = watched.told("chat fake")
    asked = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "fake",
        "gen_ai.conversation.id": "conv:c",
        "gen_ai.request.max_tokens": 400,
        "server.address": "models.example",
        "server.port": 443,
    }
    assert {name: found.get(name) for name in {**asked, **told}} == {**asked, **told}
    assert ("gen_ai.response.time_to_first_chunk" in found) is isinstance(said[0], Text)
    assert watched.one("chat fake").status.is_ok is (said[0] is not FAILED)


async def test_a_stream_that_nobody_hears_to_its_end_is_closed_and_told(watched: Watched) -> None:
    inner = FakeWriter((Text("It "), Text("is"), Ended(), Used(1, 1)))
    stream = watched.traces.around("model", cast(LanguageWriter, inner)).stream(REQUEST)
    assert await anext(stream) == Text("It ")
    await stream.aclose()  # type: ignore[attr-defined]
    assert inner.ended == 1
    assert watched.one("chat fake").end_time


def test_off_nothing_is_wrapped_and_nothing_imported() -> None:
    store = Ledger()
    assert Tracing().around("store", store) is store
    script = "import sys, server.app; print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_environment_says_whose_spans_they_are_and_where_they_go() -> None:
    ours = make_provider("w1", {"OTEL_TRACES_EXPORTER": "none"})
    about = ours.resource.attributes
    assert (about["service.name"], about["service.instance.id"]) == ("parlance", "w1")
    assert not ours._active_span_processor._span_processors
    with pytest.raises(StartupError, match="no exporter 'zipkin'"):
        make_provider("w1", {"OTEL_TRACES_EXPORTER": "zipkin"})
    with pytest.raises(StartupError, match="no exporter 'otlp_proto_grpc'"):
        make_provider("w1", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
