"""Precision, recall and F1 of every class, as the manifest records them."""

from __future__ import annotations

from collections.abc import Mapping

from inference.confusion import class_figures
from models_onnx.judged import Judged
from models_onnx.pack import PerClass


def per_class(judged: Mapping[str, Judged]) -> PerClass:
    """The figures of every class of every view."""
    return {
        name: {
            label: figures._asdict() for label, figures in zip(view.labels, class_figures(view.confusion), strict=True)
        }
        for name, view in judged.items()
    }
