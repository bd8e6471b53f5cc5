"""Means of checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from models_onnx.errors import SoupError

torch = pytest.importorskip("torch", reason="the train extra is not installed")


def _checkpoint(folder: Path, name: str, value: float, width: int = 2) -> Path:
    path = folder / name
    torch.save({"network": {"a": torch.full((width,), value)}, "seed": value}, path)
    return path


def test_weights_are_averaged_and_the_rest_is_the_last_ones(tmp_path: Path) -> None:
    from models_onnx.soup import main

    first, second = _checkpoint(tmp_path, "1.pt", 1.0), _checkpoint(tmp_path, "2.pt", 2.0)
    assert main([str(tmp_path / "out.pt"), f"{first}=0.25", f"{second}=0.75"]) == 0
    state = torch.load(tmp_path / "out.pt", weights_only=True)
    assert state["network"]["a"].tolist() == pytest.approx([1.75, 1.75])
    assert state["seed"] == 2.0


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    from models_onnx.soup import soup

    with pytest.raises(SoupError, match=r"sum to 0\.9"):
        soup([{"a": torch.ones(2)}, {"a": torch.ones(2)}], [0.4, 0.5])


def test_another_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from models_onnx.soup import main

    first, second = _checkpoint(tmp_path, "1.pt", 1.0), _checkpoint(tmp_path, "2.pt", 2.0, width=3)
    assert main([str(tmp_path / "out.pt"), f"{first}=0.5", f"{second}=0.5"]) == 1
    assert "different networks" in capsys.readouterr().err


def test_a_missing_file_and_no_arguments_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from models_onnx.soup import main

    assert main([]) == 1
    assert main([str(tmp_path / "out.pt"), f"{tmp_path / 'none.pt'}=1"]) == 1
    assert "none.pt" in capsys.readouterr().err
