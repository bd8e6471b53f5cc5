"""The model that ships, loaded once, and copies of it to damage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference.lexicon import Lexicon, load_lexicon
from inference.manifest import MODEL_FILE, TOKENIZER_FILE
from inference.pack import MANIFEST_FILE, Pack, load_pack

SHIPPED = Path(__file__).resolve().parents[3] / "models_onnx" / "nlu"


@pytest.fixture(scope="session")
def pack_folder() -> Path:
    """The packed model that ships; ``PARLANCE_TEST_PACK`` names another one to test."""
    return Path(os.environ.get("PARLANCE_TEST_PACK", SHIPPED))


@pytest.fixture(scope="session")
def pack(pack_folder: Path) -> Pack:
    return load_pack(pack_folder)


@pytest.fixture(scope="session")
def lexicon(pack: Pack) -> Lexicon:
    """The packaged word lists, as an engine on the shipped model uses them."""
    return load_lexicon(known_words=pack.tokeniser.words())


@pytest.fixture
def copied(pack_folder: Path, tmp_path: Path) -> Path:
    """A pack whose files may be replaced, not written to: the model itself is only linked."""
    folder = tmp_path / "nlu"
    folder.mkdir()
    for name in (MODEL_FILE, TOKENIZER_FILE, MANIFEST_FILE):
        (folder / name).symlink_to(pack_folder / name)
    return folder
