"""The torch network: a MiniLM encoder, one sentence embedding and seven heads, in one pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from models_onnx.labels import ACTS, EMOTIONS, FINE_EMOTIONS, INTENT_COUNT, SENTIMENTS
from models_onnx.ngrams import COLUMNS
from models_onnx.wide import Wide

HIDDEN = 384
LAYERS = 6
ATTENTION_HEADS = 12
FEED_FORWARD = 1536
VOCABULARY = 30522
MAX_TOKENS = 128
LAYER_NORM_EPS = 1e-12


class Outputs(NamedTuple):
    """`embedding` [batch, 384] of length 1, and raw logits [batch, classes].

    `fine_emotions` are GoEmotions' 28, each yes or no. `urgency` and `toxicity` are one logit, `politeness` is in
    its corpus' units, about 0 ± .7; all three are [batch, 1].
    """

    embedding: Tensor
    intent: Tensor
    sentiment: Tensor
    emotions: Tensor
    fine_emotions: Tensor
    act: Tensor
    urgency: Tensor
    politeness: Tensor
    toxicity: Tensor


HEADS = ("intent", "sentiment", "emotions", "act", "urgency", "politeness", "toxicity")
"""The modules on top of the encoder; the 28 emotions share the module of the six."""


class OnnxAttention(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """Exports as onnxruntime's fused Attention node; computes the same in torch while tracing.

    A node of our own choice survives exporter changes, which fusion by pattern matching does not.
    """

    @staticmethod
    def forward(_ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
        """`hidden` [batch, tokens, 384], `weight` [384, 1152], `mask` int32 [batch, tokens]."""
        return attend(hidden @ weight + bias, mask, dropout=0.0)

    @staticmethod
    def symbolic(g: Any, hidden: Any, weight: Any, bias: Any, mask: Any) -> Any:
        """The ONNX node."""
        node = g.op("com.microsoft::Attention", hidden, weight, bias, mask, num_heads_i=ATTENTION_HEADS)
        node.setType(hidden.type())
        return node


def attend(qkv: Tensor, mask: Tensor, *, dropout: float) -> Tensor:
    """Multi-head attention over packed queries, keys and values [batch, tokens, 3 × 384]."""
    batch, tokens, _ = qkv.shape
    split = qkv.view(batch, tokens, 3, ATTENTION_HEADS, HIDDEN // ATTENTION_HEADS)
    query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
    visible = mask.bool()[:, None, None, :]
    context = F.scaled_dot_product_attention(query, key, value, attn_mask=visible, dropout_p=dropout)
    return context.transpose(1, 2).reshape(batch, tokens, HIDDEN)


class Layer(nn.Module):  # type: ignore[misc]
    """One transformer block of BERT's post-norm kind."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.output = nn.Linear(HIDDEN, HIDDEN)
        self.attention_norm = nn.LayerNorm(HIDDEN, eps=LAYER_NORM_EPS)
        self.up = nn.Linear(HIDDEN, FEED_FORWARD)
        self.down = nn.Linear(FEED_FORWARD, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        # Set by models_onnx.smooth, for the INT8 export only: [384], [384] and [1536].
        self.input_scale: Tensor | None = None
        self.middle_scale: Tensor | None = None
        self.inner_factor: Tensor | None = None

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """`hidden` [batch, tokens, 384] -> the same shape."""
        attended = self.dropout(self.output(self._context(hidden, mask)))
        middle = self.attention_norm(_scaled(hidden, self.input_scale) + attended)
        inner = _scaled(F.gelu(self.up(middle)), self.inner_factor)
        return torch.as_tensor(self.norm(_scaled(middle, self.middle_scale) + self.dropout(self.down(inner))))

    def _context(self, hidden: Tensor, mask: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            return torch.as_tensor(OnnxAttention.apply(hidden, self.qkv.weight.t(), self.qkv.bias, mask))
        return attend(self.qkv(hidden), mask, dropout=self.dropout.p if self.training else 0.0)


def _scaled(hidden: Tensor, scale: Tensor | None) -> Tensor:
    return hidden if scale is None else hidden * scale


class PooledHead(nn.Module):  # type: ignore[misc]
    """A query for pooling by attention over the last hidden states, and a small classifier.

    The query starts at zero, so that training begins from the mean that the encoder was made for.
    """

    def __init__(self, classes: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(HIDDEN, 1, bias=False)  # the softmax over tokens would cancel a bias
        self.dense = nn.Linear(HIDDEN, HIDDEN)
        self.classify = nn.Linear(HIDDEN, classes)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.query.weight)

    def forward(self, pooled: Tensor) -> Tensor:
        """`pooled` [batch, 384] -> logits [batch, classes]."""
        return torch.as_tensor(self.classify(self.dropout(F.gelu(self.dense(self.dropout(pooled))))))


class Network(nn.Module):  # type: ignore[misc]
    """Encoder, embedding and heads."""

    def __init__(self, intents: int = INTENT_COUNT, *, dropout: float = 0.1, layers: int = LAYERS) -> None:
        super().__init__()
        self.words: nn.Module = nn.Embedding(VOCABULARY, HIDDEN)
        self.positions = nn.Parameter(torch.zeros(MAX_TOKENS, HIDDEN))
        self.embedding_norm = nn.LayerNorm(HIDDEN, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(layers))
        classes = {"intent": intents, "sentiment": len(SENTIMENTS), "act": len(ACTS)}
        classes["emotions"] = len(EMOTIONS) + len(FINE_EMOTIONS)
        for name in HEADS:
            self.add_module(name, PooledHead(classes.get(name, 1), dropout))
        self.wide: Wide | None = None  # fitted after training, see models_onnx.ngrams

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Outputs:
        """Both arguments are int64 [batch, tokens], tokens ≤ 128; the mask is 1 on text, 0 on padding."""
        hidden = self.words(input_ids) + self.positions[: input_ids.shape[1]]
        hidden = self.dropout(self.embedding_norm(hidden))
        mask = attention_mask.to(torch.int32)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        penalty = (attention_mask.to(hidden.dtype) - 1.0) * 1e4
        mean, *pooled = self._pool(hidden, penalty).unbind(1)
        logits = {name: self.get_submodule(name)(found) for name, found in zip(HEADS, pooled, strict=True)}
        emotions, fine_emotions = logits.pop("emotions").split([len(EMOTIONS), len(FINE_EMOTIONS)], dim=-1)
        if self.wide is not None:
            added = self.wide(input_ids, attention_mask)
            emotions = emotions + added[:, COLUMNS["emotions"]]
            logits["politeness"] = logits["politeness"] + added[:, COLUMNS["politeness"]]
        return Outputs(
            embedding=mean / mean.norm(dim=-1, keepdim=True).clamp_min(1e-9),
            emotions=emotions,
            fine_emotions=fine_emotions,
            **logits,
        )

    def _pool(self, hidden: Tensor, penalty: Tensor) -> Tensor:
        """[batch, 1 + heads, 384]: the mean over the text, then what each head's query attends to.

        One product for all: many small nodes cost more than their arithmetic. A query of zeros weighs
        every token alike, which makes the first row the mean.
        """
        heads = [self.get_parameter(f"{name}.query.weight") for name in HEADS]
        queries = torch.cat([torch.zeros_like(heads[0]), *heads])
        scores = (hidden @ queries.t()).transpose(1, 2) + penalty.unsqueeze(1)
        return torch.softmax(scores, dim=-1) @ hidden

    def freeze_embeddings(self) -> None:
        """Keeps the word and position tables as they were pre-trained: less to optimise and to forget."""
        self.words.requires_grad_(False)
        self.positions.requires_grad_(False)


def load_pretrained(network: Network, weights: Path) -> None:
    """Fills the encoder of `network` from a BERT checkpoint in safetensors form; fewer layers take every n-th."""
    bert = load_file(weights)
    state: dict[str, Tensor] = {
        "words.weight": bert["embeddings.word_embeddings.weight"],
        # one token type is ever used: its vector joins the positions'
        "positions": bert["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        + bert["embeddings.token_type_embeddings.weight"][0],
        "embedding_norm.weight": bert["embeddings.LayerNorm.weight"],
        "embedding_norm.bias": bert["embeddings.LayerNorm.bias"],
    }
    for index in range(LAYERS):
        state |= _layer_state(bert, index)
    missing, unexpected = network.load_state_dict(thinned(state, len(network.layers)), strict=False)
    if unexpected or any(not name.startswith(HEADS) for name in missing):
        raise ValueError(f"{weights} is not a MiniLM-L6 checkpoint: missing {missing}, unexpected {unexpected}")


def thinned(state: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """A state dict with `layers` of its encoder's layers, evenly chosen, the last one among them."""
    deep = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("layers."))
    chosen = [(index + 1) * deep // layers - 1 for index in range(layers)]
    kept = {name: value for name, value in state.items() if not name.startswith("layers.")}
    for new, old in enumerate(chosen):
        start = f"layers.{old}."
        kept |= {f"layers.{new}.{n.removeprefix(start)}": value for n, value in state.items() if n.startswith(start)}
    return kept


def _layer_state(bert: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    old, new = f"encoder.layer.{index}.", f"layers.{index}."
    renamed = {
        "output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm": "output.LayerNorm",
    }
    state: dict[str, Tensor] = {}
    for kind in ("weight", "bias"):
        parts = [bert[f"{old}attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
        state[f"{new}qkv.{kind}"] = torch.cat(parts)
        for name, source in renamed.items():
            state[f"{new}{name}.{kind}"] = bert[f"{old}{source}.{kind}"]
    return state
