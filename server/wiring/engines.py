"""Engines as the settings want them, one for each version of the model in use."""

from __future__ import annotations

import time
from collections.abc import Callable

from inference.analysis import Analysis
from inference.engine import Engine
from inference.intents.trained import TrainedIntents
from inference.lexicon import Lexicon
from inference.manifest import TOKENIZER_FILE
from inference.pack import Pack
from inference.products import Products
from server.settings import Settings


class EngineMaker:
    """``observe`` gets what the engines that answer have read. Versions of one tokenizer share its word lists, which
    take a twentieth of a second to make."""

    def __init__(self, settings: Settings, products: Products, observe: Callable[[Analysis], None]) -> None:
        self._settings = settings
        self._products = products
        self._observe = observe
        self._lexicons: dict[str, Lexicon] = {}

    def make(self, pack: Pack, intents: TrainedIntents | None, *, answers: bool) -> Engine:
        """An engine that runs ``pack``. Any thread may ask."""
        tokenizer = pack.manifest.files[TOKENIZER_FILE].sha256
        engine = Engine(
            pack,
            clock=time.perf_counter_ns,
            cache_entries=self._settings.analysis_cache_entries,
            max_waiting=self._settings.analysis_max_waiting,
            observe=self._observe if answers else None,
            lexicon=self._lexicons.get(tokenizer),
            products=self._products,
            intents=intents,
        )
        self._lexicons = {tokenizer: engine.lexicon, **self._lexicons}
        return engine
