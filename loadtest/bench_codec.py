"""Decoding and validating client frames, and encoding messages: typed structs against fast decoders and hand checks.

    python -m loadtest.bench_codec [--json]

Ours: the server's codec, msgspec's typed decoders with validation in the same step. The peer: orjson (for
MessagePack: msgpack) into plain maps, then ``peers.hand_validation`` with the same checks. Encoding: a ``message``
struct against the same message kept as a plain map, which spares the peer the conversion.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
import msgspec
import orjson

from loadtest.measure import duel, print_table
from loadtest.peers.hand_validation import validate
from server.wire import codec
from server.wire.frames import Message

CHANNEL = "conv:01JCN3V7Q2K8Z5W4X9Y6T1R0SA"

CLIENT_FRAMES: dict[str, dict[str, Any]] = {
    "send": {
        "type": "send",
        "id": 42,
        "channel": CHANNEL,
        "key": "5f0e8a1c9b7d4e2fa3c6",
        "text": "my parcel #47110 should have been here three days ago, where is it?",
    },
    "send with data": {
        "type": "send",
        "id": 43,
        "channel": CHANNEL,
        "key": "5f0e8a1c9b7d4e2fa3c7",
        "text": "Könnten Sie bitte nachsehen, wo mein Päckchen steckt? 😕",
        "data": {"page": "/orders/47110", "cart": [{"sku": "A-1", "amount": 2}, {"sku": "B-7", "amount": 1}]},
        "reply_to": "01JCN3V7Q2K8Z5W4X9Y6T1R0SB",
    },
    "open": {"type": "open", "id": 2, "key": "0f3b", "metadata": {"page": "/help", "locale": "en-GB"}},
    "subscribe": {"type": "subscribe", "id": 3, "channel": CHANNEL, "epoch": "b1f0c2d3", "offset": 17},
    "feedback": {"type": "feedback", "id": 9, "message_id": "01JCN3V7Q2K8Z5W4X9Y6T1R0SC", "rating": 1},
    "connect with resume": {
        "type": "connect",
        "id": 1,
        "token": "eyJhbGciOiJIUzI1NiJ9." + "x" * 180,
        "client": {"name": "web", "version": "1.0"},
        "resume": {f"{CHANNEL}{place}": {"epoch": "b1f0c2d3", "offset": 17 + place} for place in range(3)},
    },
}

MESSAGES: dict[str, dict[str, Any]] = {
    "message of a customer": {
        "type": "message",
        "channel": CHANNEL,
        "epoch": "b1f0c2d3",
        "offset": 21,
        "message_id": "01JCN3V7Q2K8Z5W4X9Y6T1R0SD",
        "at_ms": 1_760_000_000_000,
        "from": {"id": "01JCN3V7Q2K8Z5W4X9Y6T1R0SE", "kind": "customer", "name": "Guest 7"},
        "text": "my parcel #47110 should have been here three days ago, where is it?",
        "key": "5f0e8a1c9b7d4e2fa3c6",
    },
    "message of the bot": {
        "type": "message",
        "channel": CHANNEL,
        "epoch": "b1f0c2d3",
        "offset": 22,
        "message_id": "01JCN3V7Q2K8Z5W4X9Y6T1R0SF",
        "at_ms": 1_760_000_000_050,
        "from": {"id": "bot", "kind": "bot", "name": "Parlance"},
        "text": "I'm sorry that your parcel is late. I'll look up #47110 right away and tell you where it is.",
        "data": {"suggestions": [{"text": "Track my parcel"}, {"text": "Talk to a person"}]},
        "reply_to": "01JCN3V7Q2K8Z5W4X9Y6T1R0SD",
        "turn": {
            "decision_id": "01JCN3V7Q2K8Z5W4X9Y6T1R0SG",
            "persona": "warm",
            "policy": "linucb",
            "version": 7,
            "propensity": 0.62,
            "analysis_us": 1410,
            "decide_us": 38,
            "total_us": 2900,
        },
    },
}


@dataclass(frozen=True, slots=True)
class _Way:
    """Bytes ↔ frames in one encoding, ours and the peer's."""

    encoding: str
    decode: Callable[[bytes], Any]
    decode_plain: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    encode_plain: Callable[[Any], bytes]


JSON = _Way(
    encoding="json",
    decode=codec.JSON.decode,
    decode_plain=orjson.loads,
    encode=codec.JSON.encode,
    encode_plain=orjson.dumps,
)
MSGPACK = _Way(
    encoding="msgpack",
    decode=codec.MSGPACK.decode,
    decode_plain=msgpack.unpackb,
    encode=codec.MSGPACK.encode,
    encode_plain=msgpack.packb,
)


def report(rounds: int = 15, round_s: float = 0.02) -> dict[str, Any]:
    """``rows`` of encoding, operation, frame, bytes, ours_ns, peer_ns, ratio (peer / ours), winner; ``ratios``: their
    geometric means per encoding and operation."""
    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    for way in (JSON, MSGPACK):
        for operation, duels in (("decode", _decode_duels(way)), ("encode", _encode_duels(way))):
            found = [_row(name, pair, rounds=rounds, round_s=round_s) for name, pair in duels.items()]
            rows += [{"encoding": way.encoding, "operation": operation, **row} for row in found]
            ratios[f"{way.encoding} {operation}"] = round(statistics.geometric_mean(row["ratio"] for row in found), 2)
    return {"bench": "codec", "rows": rows, "ratios": ratios}


Pair = tuple[int, Callable[[], object], Callable[[], object]]
"""Bytes of the message, our way, the peer's."""


def _decode_duels(way: _Way) -> dict[str, Pair]:
    def pair(frame: dict[str, Any]) -> Pair:
        data = way.encode_plain(frame)
        return len(data), lambda: way.decode(data), lambda: validate(way.decode_plain(data))

    return {name: pair(frame) for name, frame in CLIENT_FRAMES.items()}


def _encode_duels(way: _Way) -> dict[str, Pair]:
    def pair(frame: dict[str, Any]) -> Pair:
        struct = msgspec.convert(frame, Message)
        return len(way.encode(struct)), lambda: way.encode(struct), lambda: way.encode_plain(frame)

    return {name: pair(frame) for name, frame in MESSAGES.items()}


def _row(name: str, pair: Pair, *, rounds: int, round_s: float) -> dict[str, Any]:
    size, ours, peer = pair
    found = duel(ours, peer, rounds=rounds, round_s=round_s)
    return {
        "frame": name,
        "bytes": size,
        "ours_ns": round(found.ours_ns),
        "peer_ns": round(found.peer_ns),
        "ratio": round(found.ratio, 2),
        "winner": found.winner,
    }


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    headings = ("encoding", "operation", "frame", "winner", "bytes", "ours ns", "peer ns", "peer / ours")
    keys = ("encoding", "operation", "frame", "winner", "bytes", "ours_ns", "peer_ns", "ratio")
    rows = [[row[key] for key in keys] for row in results["rows"]]
    print_table("codec: msgspec structs against orjson / msgpack with hand validation", headings, rows, texts=4)
    for group, ratio in results["ratios"].items():
        verdict = f"ours is {ratio:.2f} times as fast" if ratio >= 1 else f"the peer is {1 / ratio:.2f} times as fast"
        print(f"{group}: {verdict} (geometric mean)")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_codec", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    results = report()
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
