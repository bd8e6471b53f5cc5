"""A turn's trace as a collector gets it: OTLP over HTTP from a real server, begun by the caller's ``traceparent``."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.integration.conftest import made_by_cli
from tests.integration.peer import dial
from tests.support.model_server import ThreadedModelServer
from tests.support.server import ServerProcess

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER = "0af7651916cd43dd8448eb211c80319c"
CALLER = "00f067aa0ba902b7"


@dataclass
class Span:
    name: str
    trace: str
    id: str
    parent: str
    told: dict[str, Any]


@dataclass
class Collector:
    """Takes OTLP/HTTP (opentelemetry.io/docs/specs/otlp) on a port of its own."""

    spans: list[Span] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)

    def take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.about = values(resource.resource.attributes)
            for scope in resource.scope_spans:
                for one in scope.spans:
                    ids = (one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex())
                    self.spans.append(Span(one.name, *ids, values(one.attributes)))

    def path(self, span: Span) -> str:
        above = next((one for one in self.spans if one.id == span.parent), None)
        return span.name if above is None else f"{self.path(above)} > {span.name}"

    def until(self, trace: str, *names: str) -> list[Span]:
        """All of a trace, once it has spans of these names."""
        end_s = time.monotonic() + 20
        while not set(names) <= {span.name for span in self.spans if span.trace == trace}:
            assert time.monotonic() < end_s, [self.path(span) for span in self.spans]
            time.sleep(0.05)
        return [span for span in self.spans if span.trace == trace]


def values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Not into the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_a_message_is_a_trace_from_its_frame_to_the_models_answer(
    tmp_path: Path, collector: tuple[Collector, str]
) -> None:
    found, url = collector
    with ThreadedModelServer() as model:
        env = {
            "PARLANCE_TRACES": "true",
            "PARLANCE_LANGUAGE_WRITER": "openai",
            "PARLANCE_LANGUAGE_URL": model.server.url,
            "PARLANCE_LANGUAGE_MODEL": "tiny",
            "PARLANCE_LOG_LEVEL": "debug",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=tests",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with ServerProcess(tmp_path / "data", env=env) as server:
            headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
            peer = await dial(server, "msgpack", headers=headers)
            await peer.connect()
            channel = await peer.open()
            ack = await peer.send(channel, "where is my parcel, it should have been here on monday")
            await peer.bot_reply(ack["message_id"])
            spans = found.until(TRACE, "send message", "turn", "fan out")
            await peer.socket.close()

            token = made_by_cli(server, "--kind", "service", "--sub", "crm")
            request = urllib.request.Request(  # noqa: S310
                f"{server.http_url}/v1/conversations/{channel}/messages",
                data=b'{"text": "A word from the shop", "key": "k1"}',
                headers={
                    "authorization": f"Bearer {token}",
                    "content-type": "application/json",
                    "traceparent": f"00-{OTHER}-{CALLER}-01",
                },
            )
            with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
                assert answer.status == 201
        rest = found.until(OTHER, "commit message")  # what waited was sent at the end
    paths = {found.path(span) for span in spans}
    assert {
        "send message",
        "send message > decode frame",
        "send message > commit message",
        "send message > fan out",
        "send message > turn > understand",
        "send message > turn > choose persona",
        "send message > turn > write",
        "send message > turn > rewrite > chat tiny",
        "send message > turn > commit answer",
        "send message > turn > fan out",
    } <= paths
    assert [span.parent for span in spans if span.name == "send message"] == [CALLER]
    told = {span.name: span.told for span in spans}
    assert told["chat tiny"]["gen_ai.usage.input_tokens"] == 111
    assert told["send message"]["parlance.subprotocol"] == "parlance.v1.msgpack"
    assert told["decode frame"]["parlance.frame.size"] > 50
    assert (found.about["service.name"], found.about["deployment.environment.name"]) == ("parlance", "tests")
    assert found.paths == {"/v1/traces"}
    assert TRACE in server.log()  # a turn's lines say which trace it is
    (request_span,) = (span for span in rest if span.parent == CALLER)
    assert request_span.name == "POST /v1/conversations/{channel}/messages"
    assert request_span.told["http.response.status_code"] == 201
    assert {found.path(span) for span in rest} >= {f"{request_span.name} > commit message"}
    texts = " ".join(str(value) for span in found.spans for value in span.told.values())
    assert "parcel" not in texts
