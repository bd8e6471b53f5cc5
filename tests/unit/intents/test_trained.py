"""The file of trained intents: what was written is read, and whatever else it is, it is refused with a sentence."""

from __future__ import annotations

import io
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.intents import training
from inference.intents.table import tabulate
from inference.intents.trained import LIKELIEST, REMEDY, TrainedError, from_bytes, to_bytes, trained
from inference.intents.training import fit
from tests.unit.intents.support import DIM, SPACE, embed, shop

FOUND = trained(shop(), fit(tabulate(shop(), embed)), SPACE)
CONTENT = to_bytes(FOUND)


def altered(**changes: object) -> bytes:
    """The file with another manifest, otherwise sound."""
    return to_bytes(replace(FOUND, manifest=msgspec.structs.replace(FOUND.manifest, **changes)))


class TestRoundTrip:
    def test_the_same_bytes_each_time(self) -> None:
        assert to_bytes(trained(shop(), fit(tabulate(shop(), embed)), SPACE)) == CONTENT

    def test_reads_what_was_written(self) -> None:
        read = from_bytes(CONTENT, SPACE)
        assert read.manifest == FOUND.manifest
        assert read.manifest.labels == ("hours", "returns", "stock")
        assert read.manifest.asks == ("when are you open", "Send it back", "Stock")
        assert read.manifest.examples == shop().digest()
        x = embed(["are you open today", "return my stove"])
        assert read.read(x) == FOUND.read(x)

    def test_logistic_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(training, "KERNEL_UP_TO", 0)
        found = trained(shop(), fit(tabulate(shop(), embed)), SPACE)
        assert from_bytes(to_bytes(found), SPACE).manifest.kind == "logistic"


def test_likeliest_first_with_probabilities() -> None:
    (one,) = FOUND.read(embed(["are you open on Sundays"]))
    assert one[0][0] == "hours"
    assert len(one) == min(LIKELIEST, 3)
    assert [p for _, p in one] == sorted((p for _, p in one), reverse=True)
    assert sum(p for _, p in one) == pytest.approx(1.0)


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is no file of trained intents, or a damaged one"),
            (b"intents: {}", "is no file of trained intents, or a damaged one"),
            (CONTENT[:-40], "is no file of trained intents, or a damaged one"),
            (altered(schema=2), "has schema 2, this program reads schema 1"),
            (altered(arrays="0" * 64), "is damaged: its numbers don't have the recorded digest"),
            (altered(labels=("a", "a", "b")), "has the same label twice"),
            (altered(asks=("a",)), "has not one button text a label"),
            (altered(labels=("a", "b"), asks=("a", "b")), "has weights of another shape than its labels"),
            (altered(threshold=1.5), "Expected `float` <= 1.0"),
        ],
    )
    def test_with_the_reason_and_the_remedy(self, content: bytes, said: str) -> None:
        with pytest.raises(TrainedError) as caught:
            from_bytes(content, SPACE)
        assert said in str(caught.value)
        assert str(caught.value).endswith(REMEDY)

    def test_a_foreign_archive(self) -> None:
        other = io.BytesIO()
        np.savez(other, weights=np.zeros((2, 2), dtype=np.float32))
        with pytest.raises(TrainedError, match="is no file of trained intents"):
            from_bytes(other.getvalue())

    def test_pickles_are_never_opened(self) -> None:
        other = io.BytesIO()
        np.savez(other, manifest=np.array([{"a": 1}], dtype=object), weights=np.zeros(1), support=np.zeros(1))
        with pytest.raises(TrainedError, match="is no file of trained intents"):
            from_bytes(other.getvalue())

    @pytest.mark.parametrize("change", [{"model": "nlu-9"}, {"sha256": "b" * 64}, {"dim": DIM + 1}])
    def test_another_model(self, change: dict[str, object]) -> None:
        with pytest.raises(TrainedError, match=r"was trained on the embedding of nlu-0.0.1 \(aaaaaaaaaaaa\)"):
            from_bytes(CONTENT, msgspec.structs.replace(SPACE, **change))

    @given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
    @settings(max_examples=200, deadline=None)
    def test_a_damaged_byte_changes_nothing_unseen(self, place: int, flip: int) -> None:
        damaged = bytearray(CONTENT)
        damaged[place] ^= flip
        try:
            read = from_bytes(bytes(damaged), SPACE)
        except TrainedError:
            return
        # Bytes of the archive's own bookkeeping that nobody reads, such as a time.
        assert (read.manifest, to_bytes(read)) == (FOUND.manifest, CONTENT)
