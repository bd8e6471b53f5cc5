"""A small model without ONNX: a real tokenizer over a few words, and a runner whose answers follow from the ids."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from inference.analysis import EMOTIONS, Analysis, Sentiment
from inference.engine import Engine
from inference.heads import RawOutputs
from inference.lexicon import Lexicon, load_lexicon
from inference.manifest import SENTIMENTS, EmotionHead, Head, Heads, Manifest, OutOfScope, SentimentHead
from inference.pack import Pack
from inference.tokenise import Tokeniser

INTENTS = ("balance", "greeting", "order_status", "report_fraud", "thank_you", "weather")
WORDS = (
    "hi",
    "hello",
    "where",
    "is",
    "my",
    "order",
    "thanks",
    "bye",
    "yes",
    "no",
    "now",
    "one",
    "two",
    "three",
    "long",
)
MAX_TOKENS = 16
WAIT_S = 10.0
"""Longest time a test thread waits for what must come; only a broken test gets there."""

MANIFEST = Manifest(
    schema=1,
    name="nlu",
    version="0.0.1",
    max_tokens=MAX_TOKENS,
    embedding_dim=4,
    pad_id=0,
    files={},
    heads=Heads(
        intent=Head(INTENTS, 1.0),
        sentiment=SentimentHead(SENTIMENTS, 1.0, (-1.0, -0.5, 0.0, 0.5, 1.0)),
        emotions=EmotionHead(EMOTIONS, 1.0),
    ),
    out_of_scope=OutOfScope("max_logit", -1.0, 0.0),
)


def tokenizer() -> Tokenizer:
    """Every word of ``WORDS`` has an id of its own; [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3."""
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS)
    made = Tokenizer(WordLevel({name: index for index, name in enumerate(names)}, unk_token="[UNK]"))
    made.normalizer = Lowercase()
    made.pre_tokenizer = BertPreTokenizer()
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return made


class FakeModel:
    """A runner that answers from the ids alone, row by row, and keeps the shape of every batch.

    While ``gate`` is clear, a run that has begun waits; ``began`` is set as soon as one has.
    """

    def __init__(self) -> None:
        self.shapes: list[tuple[int, int]] = []
        self.texts = 0
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.failure: Exception | None = None
        self.threads: set[str] = set()

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> RawOutputs:
        self.threads.add(threading.current_thread().name)
        self.shapes.append((input_ids.shape[0], input_ids.shape[1]))
        self.texts += len(input_ids)
        self.began.set()
        assert self.gate.wait(WAIT_S), "nobody opened the gate"
        if self.failure is not None:
            raise self.failure
        places = np.arange(1, input_ids.shape[1] + 1)
        seed = (input_ids * attention_mask * places).sum(axis=1, keepdims=True).astype(np.float64)
        return RawOutputs(
            *(np.sin(seed * (2.0 + np.arange(width))).astype(np.float32) for width in MANIFEST.widths.values())
        )


def fake_pack(model: FakeModel) -> Pack:
    tokeniser = Tokeniser(tokenizer(), max_tokens=MANIFEST.max_tokens, pad_id=MANIFEST.pad_id)
    return Pack(Path("fake"), MANIFEST, tokeniser, model)


class StepClock:
    """Nanoseconds; every look moves it on by a microsecond."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        self.ns += 1_000
        return self.ns


LEXICON: Lexicon = load_lexicon()


def fake_engine(model: FakeModel, *, cache_entries: int = 0, max_waiting: int = 64, max_batch: int = 32) -> Engine:
    return Engine(
        fake_pack(model),
        clock=StepClock(),
        cache_entries=cache_entries,
        max_waiting=max_waiting,
        max_batch=max_batch,
        lexicon=LEXICON,
    )


def analysis(intent: str = "balance") -> Analysis:
    """An analysis with nothing remarkable."""
    return Analysis(
        intent=intent,
        intent_confidence=0.9,
        intents=((intent, 0.9),),
        out_of_scope=0.1,
        act="other",
        sentiment=Sentiment("neutral", 0.0, 0.8),
        emotions=dict.fromkeys(EMOTIONS, 1 / 6),
        urgency=0.0,
        politeness=0.0,
        toxicity=0.0,
        language="en",
        entities=(),
        model="nlu-0.0.1",
        cached=False,
        latency_us=1_000,
        embedding=np.zeros(4, dtype=np.float32),
    )
