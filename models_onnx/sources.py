"""The data sets: where each comes from, and how often it is seen in one epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """One data set. `share_per_epoch` of its rows are seen in an epoch, others in the next."""

    name: str
    origin: str
    licence: str
    share_per_epoch: float


# One epoch is one pass over CLINC150; the larger sets are spread over several epochs.
SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source("clinc150", "github.com/clinc/oos-eval", "CC BY 3.0", 1.0),
        Source("goemotions", "GoEmotions, github.com/monologg/GoEmotions-pytorch", "Apache 2.0", 0.8),
        Source("xed", "github.com/Helsinki-NLP/XED", "CC BY 4.0", 0.7),
        Source("dynasent", "github.com/cgpotts/dynasent", "CC BY 4.0", 4.0),
        Source("reviews_clothing", "Women's E-Commerce Clothing Reviews", "CC0", 0.3),
        Source("uci_sentences", "UCI Sentiment Labelled Sentences", "CC BY 4.0", 3.0),
        Source(
            "multidogo", "github.com/awslabs/multi-domain-goal-oriented-dialogues-dataset", "CDLA-Permissive 1.0", 0.12
        ),
        Source(
            "bitext", "github.com/bitext/customer-support-intent-detection-training-dataset", "CDLA-Sharing 1.0", 0.15
        ),
        Source("nlupp", "github.com/PolyAI-LDN/task-specific-datasets", "CC BY 4.0", 0.3),
        Source("banking77", "github.com/PolyAI-LDN/task-specific-datasets, texts only", "CC BY 4.0", 0.05),
        Source("politeness", "Stanford politeness corpus, github.com/sudhof/politeness-api", "CC BY 4.0", 2.0),
        Source("offensive", "github.com/t-davidson/hate-speech-and-offensive-language", "MIT", 0.15),
        Source("authored", "models_onnx/authored", "Apache 2.0", 0.8),
    )
}

TITLE_MIN_WORDS = 2
REVIEWS_PER_STAR = 2500  # five stars are 56 % of the reviews; equal shares keep the rare stars heard
OOS_COPIES = 6  # 100 out-of-scope rows against 15,000 in scope
OUTLIER_WEIGHT = 0.1  # text of another domain teaches "no intent", gently: small talk is among the intents
OUTLIER_MIN_WORDS = 9  # short opinions and thanks may well be an intent of CLINC150
WEAK_SENTIMENT_WEIGHT = 0.25  # GoEmotions' polarity follows from emotions, nobody was asked for it
WEAK_TONE_WEIGHT = 0.1  # service texts are taken for harmless and unhurried without anybody having looked
WEAK_URGENCY_WEIGHT = 0.15  # a topic or an act says how urgent a turn usually is, not how urgent this one is
WEAK_MOOD_WEIGHT = 0.15  # nobody was asked how the askers felt
