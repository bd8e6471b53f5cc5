"""What the benchmark of the admin's page makes of frames and of a cluster's figures."""

from __future__ import annotations

import random

import pytest

from loadtest.bench_admin import PERSONAS, WORK, figures, told, waiting


def test_late_frames_are_those_that_the_screen_did_not_get() -> None:
    busy = dict(zip(WORK, (0.2, 0.1, 0.02, 0.03), strict=True))
    found = told([16.7] * 98 + [33.3, 24.0], busy)
    assert found["late"] == pytest.approx(0.01), "24 ms is late by less than half a frame"
    assert found["fps"] == pytest.approx(1_000 * 100 / (16.7 * 98 + 57.3))
    assert (found["frame_p50_ms"], found["frame_max_ms"]) == (16.7, 33.3)
    assert (found["main_thread"], found["script"], found["layout_and_style"]) == (0.2, 0.1, 0.05)


def test_the_figures_are_a_clusters() -> None:
    data = figures(5_000, 5_000, 8, random.Random(1))
    assert (data["at_ms"], data["workers"], len(data["per_worker"])) == (5_000, 8, 8)
    assert sum(one["connections"] for one in data["per_worker"]) == 5_000
    assert sum(one["share"] for one in data["personas"].values()) == pytest.approx(1.0)
    assert set(data["personas"]) == set(PERSONAS)
    assert data["turn_ms"]["p50"] < data["turn_ms"]["p95"] < data["turn_ms"]["p99"]
    assert waiting(3, 9_000)["waiting_since_ms"] == 6_000
