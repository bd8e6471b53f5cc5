"""The training loop: several heads at once, resumable to the step, the same every time for a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import Tensor

from models_onnx.builders import Example
from models_onnx.errors import ResumeError
from models_onnx.losses import Targets, emotion_class_weights, make_targets, teaching_loss, total_loss
from models_onnx.network import HEADS, LAYERS, Network, load_pretrained
from models_onnx.noise import NOISY_SHARE, noisy
from models_onnx.schedule import batches, epoch_rows, learning_rate_factor
from models_onnx.teach import ensemble, load_checkpoint, load_teachers
from models_onnx.tokens import encode, pad

MAX_TRAINING_TOKENS = 64
ENCODER_LEARNING_RATE = 1.5e-4
HEAD_LEARNING_RATE = 1e-3
LAYER_DECAY = 0.9  # each layer below the last learns so much slower: what is below serves every task
TEACHING_WEIGHT = 1.0
CHECKPOINT = "checkpoint.pt"
SMALL_SETS = ("clinc150", "dynasent", "uci_sentences", "bitext", "nlupp", "banking77", "authored")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training run is; a checkpoint may be continued with more epochs, nothing else changed.

    `start` is a checkpoint to begin from in place of the pre-trained encoder, `teachers` are checkpoints whose
    mean is learnt beside the labels.
    """

    epochs: int
    seed: int = 0
    layers: int = LAYERS
    start: Path | None = None
    teachers: tuple[Path, ...] = ()
    learning_rate: float = ENCODER_LEARNING_RATE
    checkpoint_every_steps: int = 150
    stop_after_steps: int | None = None


@dataclass(slots=True)
class Position:
    """How far a run is: the epoch, the batches done in it, and the steps done in all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0


def progress_bar() -> Progress:
    """The look of every progress bar of the build."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )


def seed_everything(seed: int) -> None:
    """Fixes every generator that training draws from."""
    random.seed(seed)
    torch.manual_seed(seed)


class Trainer:
    """Holds the network, the optimiser and the position of one run."""

    def __init__(
        self,
        examples: Mapping[str, Sequence[Example]],
        *,
        intents: tuple[str, ...],
        tokenizer: Tokenizer,
        weights: Path,
        work: Path,
        plan: Plan,
    ) -> None:
        seed_everything(plan.seed)
        self.examples, self.plan, self.work, self.intents = examples, plan, work, intents
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = tokenizer
        self.ids = {
            name: encode(tokenizer, [row.text for row in rows], MAX_TRAINING_TOKENS) for name, rows in examples.items()
        }
        frozen = Network(len(intents))
        load_pretrained(frozen, weights)
        self.embeddings = self._hold(frozen.to(self.device))
        self.network = Network(len(intents), layers=plan.layers)
        load_pretrained(self.network, weights)
        if plan.start is not None:
            load_checkpoint(self.network, plan.start)
        self.network.freeze_embeddings()
        self.network.to(self.device)
        self.teachers = load_teachers(plan.teachers, len(intents), self.device)
        self.optimizer = torch.optim.AdamW(_groups(self.network, plan.learning_rate), weight_decay=0.01, fused=True)
        self.position = Position()
        self.emotion_weights = emotion_class_weights([row for rows in examples.values() for row in rows])

    def _hold(self, frozen: Network) -> dict[str, list[Tensor | None]]:
        """The frozen encoder's embeddings, computed once a set and kept in the work folder."""
        held: dict[str, list[Tensor | None]] = {}
        for name, rows in self.examples.items():
            chosen = [index for index, row in enumerate(rows) if _distilled(row, self.plan.seed)]
            table = _cached_embeddings(frozen, [self.ids[name][index] for index in chosen], self.work, name)
            held[name] = [None] * len(rows)
            for index, embedding in zip(chosen, table, strict=True):
                held[name][index] = embedding
        return held

    def run(self) -> Network:
        """Trains from the present position to the end of the plan, with checkpoints."""
        counts = {name: len(rows) for name, rows in self.examples.items()}
        per_epoch = [self._epoch(counts, epoch) for epoch in range(self.plan.epochs)]
        total = sum(len(cut) for _, cut in per_epoch)
        with progress_bar() as progress:
            task = progress.add_task("training", total=total, completed=self.position.step, note="")
            while self.position.epoch < self.plan.epochs:
                rows, cut = per_epoch[self.position.epoch]
                losses: list[float] = []
                for batch in cut[self.position.batch :]:
                    losses.append(self._step([rows[index] for index in batch], total))
                    note = f"epoch {self.position.epoch + 1} loss {np.mean(losses[-50:]):.3f}"
                    progress.update(task, advance=1, note=note)
                    if self._pause():
                        return self.network
                self.position = Position(self.position.epoch + 1, 0, self.position.step)
                self.save()
                progress.console.print(f"epoch {self.position.epoch} done, step {self.position.step} of {total}")
        return self.network

    def _epoch(self, counts: Mapping[str, int], epoch: int) -> tuple[list[tuple[str, int]], list[list[int]]]:
        rows = epoch_rows(counts, epoch, self.plan.seed)
        return rows, batches([len(self.ids[name][index]) for name, index in rows], epoch, self.plan.seed)

    def _step(self, rows: Sequence[tuple[str, int]], total: int) -> float:
        self.network.train()
        factor = learning_rate_factor(self.position.step, total)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        input_ids, mask = (torch.from_numpy(found).to(self.device) for found in pad(self._tokens(rows)))
        outputs = self.network(input_ids, mask)
        loss = total_loss(outputs, self._targets(rows))
        if self.teachers:
            loss = loss + TEACHING_WEIGHT * teaching_loss(outputs, ensemble(self.teachers, input_ids, mask))
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.position.step += 1
        self.position.batch += 1
        return float(loss.detach())

    def _tokens(self, rows: Sequence[tuple[str, int]]) -> list[list[int]]:
        """Ids of the rows, a few of their texts damaged: other ones in every step."""
        generator = random.Random(f"{self.plan.seed} {self.position.step}")
        found = [self.ids[name][index] for name, index in rows]
        for place, (name, index) in enumerate(rows):
            if generator.random() < NOISY_SHARE:
                text = noisy(self.examples[name][index].text, generator)
                found[place] = encode(self.tokenizer, [text], MAX_TRAINING_TOKENS)[0]
        return found

    def _targets(self, rows: Sequence[tuple[str, int]]) -> Targets:
        targets = make_targets(
            [self.examples[name][index] for name, index in rows],
            len(self.intents),
            [self.embeddings[name][index] for name, index in rows],
            self.emotion_weights,
        )
        return Targets(*(tensor.to(self.device) for tensor in targets))

    def _pause(self) -> bool:
        step, stop = self.position.step, self.plan.stop_after_steps
        stopped = stop is not None and step >= stop
        if stopped or step % self.plan.checkpoint_every_steps == 0:
            self.save()
        return stopped

    def save(self) -> None:
        """Writes the checkpoint beside the old one and swaps it in: a kill leaves one that loads."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "position": (self.position.epoch, self.position.batch, self.position.step),
            "seed": self.plan.seed,
            "intents": list(self.intents),
            "torch_rng": torch.get_rng_state(),
        }
        fresh = self.work / (CHECKPOINT + ".new")
        torch.save(state, fresh)
        fresh.replace(self.work / CHECKPOINT)

    def resume(self) -> None:
        """Takes up the checkpoint of the work folder, when there is one.

        Raises ResumeError when it was made with another seed or other intents.
        """
        path = self.work / CHECKPOINT
        if not path.is_file():
            return
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        if (state["seed"], tuple(state["intents"])) != (self.plan.seed, self.intents):
            raise ResumeError(f"{path} was made with another seed or other intents: use another --work folder")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.position = Position(*state["position"])
        torch.set_rng_state(state["torch_rng"].cpu())


def _groups(network: Network, encoder_rate: float) -> list[dict[str, Any]]:
    """One group a layer, slower from layer to layer downwards, and one for the heads."""
    depth = len(network.layers)
    rates: dict[float, list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            rates.setdefault(_rate(name, depth, encoder_rate), []).append(parameter)
    return [{"params": found, "lr": rate, "peak": rate} for rate, found in rates.items()]


def _rate(name: str, depth: int, encoder_rate: float) -> float:
    if name.startswith(HEADS):
        return HEAD_LEARNING_RATE
    layer = int(name.split(".")[1]) if name.startswith("layers.") else -1
    return float(encoder_rate * LAYER_DECAY ** (depth - 1 - layer))


def _distilled(row: Example, seed: int) -> bool:
    """Whether a row holds the embedding in place: all short service texts, a quarter of the many others."""
    if row.source in SMALL_SETS:
        return True
    return hashlib.sha256(f"{seed}{row.text}".encode()).digest()[0] < 64


def _cached_embeddings(network: Network, rows: Sequence[list[int]], work: Path, name: str) -> Tensor:
    """[rows, 384] of the network as it is now, on the processor."""
    key = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    path = work / f"embeddings-{name}-{key}.npy"
    if path.is_file():
        return torch.from_numpy(np.load(path))
    network.eval()
    device = network.positions.device
    table = torch.zeros(len(rows), 384)
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    with progress_bar() as progress:
        task = progress.add_task(f"frozen embeddings, {name}", total=len(order), note="")
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            input_ids, mask = (torch.from_numpy(found).to(device) for found in pad([rows[index] for index in chosen]))
            with torch.inference_mode():
                table[chosen] = network(input_ids, mask).embedding.cpu()
            progress.update(task, advance=len(chosen))
    np.save(path, table.numpy())
    return table
