"""MODEL_CARD.md, written from the manifest so that the two cannot disagree."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

MEASURES = (
    ("clinc150_in_scope_accuracy", "CLINC150, in-scope accuracy (150 intents)"),
    ("clinc150_oos_auroc", "CLINC150, out-of-scope AUROC"),
    ("clinc150_oos_recall_at_95", "CLINC150, out-of-scope rows caught where 95 % of in-scope rows are kept"),
    ("clinc150_oos_recall", "CLINC150, out-of-scope rows flagged at 0.5"),
    ("clinc150_in_scope_kept", "CLINC150, in-scope rows not flagged at 0.5"),
    ("emotions_macro_f1", "GoEmotions and XED together, macro-F1 (6 classes)"),
    ("goemotions_macro_f1", "GoEmotions alone, macro-F1"),
    ("xed_macro_f1", "XED alone, macro-F1"),
    ("fine_emotions_macro_f1", "GoEmotions, its 28 classes, macro-F1 (thresholds from these rows)"),
    ("act_macro_f1", "Act, macro-F1 (9 classes, mixed)"),
    ("act_authored_macro_f1", "Act, authored rows alone, macro-F1"),
    ("act_blind_macro_f1", "Act, the blind turns, macro-F1"),
    ("act_blind_accuracy", "Act, the blind turns, accuracy"),
    ("urgency_blind_auroc", "Urgency, the blind turns, AUROC"),
    ("urgency_authored_auroc", "Urgency, authored rows, AUROC"),
    ("politeness_pearson", "Politeness, Pearson's r"),
    ("toxicity_auroc", "Toxicity, AUROC"),
    ("toxicity_chat_flagged", "Toxicity, MultiDoGO's turns flagged at 0.5"),
    ("sentiment_macro_f1", "DynaSent, UCI and reviews together, macro-F1 (3 classes)"),
    ("dynasent_macro_f1", "DynaSent, macro-F1 (3 classes)"),
    ("uci_accuracy", "UCI sentences, accuracy (negative or positive)"),
    ("reviews_within_one_star", "Reviews, within one star (5 classes)"),
    ("reviews_accuracy", "Reviews, the exact star"),
    ("intent_ece", "Intent, expected calibration error"),
    ("act_ece", "Act, expected calibration error"),
    ("emotions_ece", "Emotions, expected calibration error"),
    ("sentiment_ece", "Sentiment, expected calibration error (3 classes)"),
)


def model_card(manifest: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    blocks = [
        f"# {manifest['name']} {manifest['version']}",
        *_purpose(manifest),
        *_data(manifest),
        *_making(manifest),
        *_metrics(manifest),
        *_calibration(manifest),
        *_limits(manifest),
    ]
    return "\n\n".join(blocks) + "\n"


def _fold(text: str) -> str:
    """One paragraph, wrapped."""
    return textwrap.fill(" ".join(text.split()), width=110, break_long_words=False, break_on_hyphens=False)


def _bullets(*items: str) -> str:
    return "\n".join(textwrap.indent(_fold(item), "  ").replace("  ", "- ", 1) for item in items)


def _purpose(manifest: Mapping[str, Any]) -> list[str]:
    heads = manifest["heads"]
    layers = manifest["made_by"].get("layers", 6)
    encoder = "MiniLM-L6 encoder" if layers == 6 else f"encoder with {layers} layers of MiniLM-L6"
    count = "nine" if "act" in heads else "four"
    return [
        _fold(f"""One {encoder} (sentence-transformers/all-MiniLM-L6-v2, Apache 2.0), fine-tuned, in INT8 ONNX.
            One forward pass gives {count} answers about a chat message in English:"""),
        _bullets(
            f"""`embedding`: {manifest["embedding_dim"]} numbers of length 1, the mean over the tokens; a distillation
            loss keeps it near the original encoder's, so that similarity search works on texts of other domains.""",
            f"""`intent`: {len(heads["intent"]["labels"])} intents of CLINC150, and from the same logits a probability
            that the text is out of their scope.""",
            f"`sentiment`: {', '.join(heads['sentiment']['labels'])}.",
            f"`emotions`: {', '.join(heads['emotions']['labels'])}.",
            *(_newer_heads(heads) if "act" in heads else ()),
        ),
        _fold("""Intended use: to understand customers' chat turns, so that a reply can be chosen and its style adapted.
            Not intended: judging people, hiring, health, law, or any decision that a person does not review."""),
        _fold(f"""Texts longer than {manifest["max_tokens"]} tokens are cut by the caller: `inference/tokenise.py` keeps
            three quarters from the beginning and the rest from the end; the figures below are of the beginning."""),
    ]


def _newer_heads(heads: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"""`fine_emotions`: GoEmotions' {len(heads["fine_emotions"]["labels"])}, each present or not; they share the
        features of the six and are for inspection.""",
        f"`act`: {', '.join(heads['act']['labels'])}, by models_onnx/authored/ACTS.md.",
        """`urgency`: whether somebody should act soon, by models_onnx/authored/URGENCY.md; one logit.""",
        """`politeness`: how polite a request sounds, in its corpus' units, about 0 ± 0.7.""",
        """`toxicity`: hate or offensive language; one logit.""",
    )


def _data(manifest: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {source['name']} | {source['source']} | {source['licence']} | {source['rows_train']:,} |"
        for source in manifest["data"]
    ]
    return [
        "## Data",
        "\n".join(["| set | from | licence | training examples |", "| --- | --- | --- | ---: |", *rows]),
        _bullets(
            """Emotions: GoEmotions by its authors' Ekman grouping, XED from Plutchik's classes; disgust joins anger;
            XED's trust and anticipation have no counterpart and are dropped. A text with several of the six trains on
            equal shares of them, and is left out of the metrics.""",
            """Sentiment: stars are the five classes; positive and negative of DynaSent and UCI count for both
            strengths. A review's title of two words and more is an example of its own. Reviews are capped per star.""",
            """UCI lines with letters outside Western European alphabets are dropped: the copy that was used holds
            Vietnamese chat lines.""",
            """Out of scope: CLINC150's own rows, repeated, and, at a tenth of the weight, longer texts of the other
            sets.""",
            *(_newer_data() if "act" in manifest["heads"] else ()),
        ),
    ]


def _newer_data() -> tuple[str, ...]:
    return (
        """Polarity: where all emotions of a GoEmotions row share one by its authors' grouping, at a quarter of the
        weight. DynaSent's rows are learnt as shares of their annotators' votes.""",
        """Act: labels of MultiDoGO, NLU++, Bitext and CLINC150's small talk where they tell the act, else the
        sentence's form (models_onnx/acts.py): on these sets the figures say how well the model follows those
        rules. The authored rows and the blind turns were labelled by hand.""",
        """Urgency: authored rows, and sentences of theirs and of the service sets with phrases of hurry or leisure
        around them (models_onnx/compose.py); at a small weight what a topic or an act makes likely.""",
        """Toxicity: hate and offensive against neither; service texts count as harmless at a tenth of the weight.""",
        """The blind turns are 300 of MultiDoGO's validation split, labelled by one person before any model had seen
        them, and take no part in training or calibration.""",
        """banking77 gives its texts only, so that the embedding stays what it was on them.""",
        """An eighth of the examples is damaged as it is drawn: typing errors, no punctuation, abbreviations, emoji.""",
    )


def _wide(shares: Mapping[str, float]) -> str:
    added = " and ".join(f"{share} of it to {head}" for head, share in shares.items())
    return f"""Beside the encoder there is a linear part over word pieces and their pairs (models_onnx/ngrams.py),
        fitted alone on the training rows, which adds {added}; these shares were chosen on the validation rows. The
        politeness head stays in float32. """


def _making(manifest: Mapping[str, Any]) -> list[str]:
    made_by = manifest["made_by"]
    wide = _wide(made_by["wide"]) if "wide" in made_by else ""
    return [
        "## How it was made",
        f"    {made_by['command']}",
        _fold(f"""torch {made_by["torch"]}, onnxruntime {made_by["onnxruntime"]}, seed {made_by["seed"]}. Word and
            position tables frozen, all else trained in float32; each head pools the last hidden states by attention
            of its own. {wide}Quantisation: INT8 weights per channel, word table INT8 with a scale per word.
            Activations are UINT8: their channels are evened first (SmoothQuant), then each tensor has one fixed scale,
            observed on a sample of the training texts. {made_by["note"]}"""),
    ]


def _metrics(manifest: Mapping[str, Any]) -> list[str]:
    int8, float32 = manifest["metrics"]["int8"], manifest["metrics"]["float32"]
    rows = [f"| {text} | {int8[name]:.4f} | {float32[name]:.4f} |" for name, text in MEASURES if name in int8]
    latencies = ", ".join(f"{tokens} tokens {value} ms" for tokens, value in int8["latency_p50_ms"].items())
    return [
        "## Measured on the validation splits",
        _fold(f"""INT8 is the shipped file, one text at a time. Emotions: rows with exactly one of the six after
            mapping ({int8["goemotions_rows"]:,} of GoEmotions, {int8["xed_rows"]:,} of XED)."""),
        "\n".join(["| measure | INT8 | float32 |", "| --- | ---: | ---: |", *rows]),
        _fold(f"Embedding: mean cosine of INT8 to float32 {int8['embedding_cosine_to_float32']}."),
        _drift(int8["batch_of_32"], tuple(manifest["heads"])),
        _fold(f"""Speed, text to raw outputs on one thread, median, on the machine that built it:
            {latencies}."""),
    ]


def _drift(drift: Mapping[str, float], heads: tuple[str, ...]) -> str:
    moved = [head for head in heads if f"{head}_max_probability_change" in drift]
    largest = ", ".join(f"{drift[f'{head}_max_probability_change']} ({head})" for head in moved)
    labelled = [head for head in moved if f"{head}_label_changed" in drift]
    changed = ", ".join(f"{drift[f'{head}_label_changed']:.2%} ({head})" for head in labelled)
    return _fold(f"""The scales of activations are fixed, not taken from what is in a batch, so that a text is answered
        beside others as it is alone. In batches of 32 of like length the largest change of any probability was
        {largest}; the likeliest label changed in {changed} of the texts; the least cosine of an embedding to its own
        alone was {drift["embedding_min_cosine"]}.""")


def _calibration(manifest: Mapping[str, Any]) -> list[str]:
    outside = manifest["out_of_scope"]
    heads = manifest["heads"]
    scaled = {name: head["temperature"] for name, head in heads.items() if "temperature" in head}
    temperatures = ", ".join(f"{name} {temperature}" for name, temperature in scaled.items())
    return [
        "## Calibration",
        _fold(f"""Each head's logits are divided by a temperature before the softmax ({temperatures}), fitted on the
            INT8 logits of the validation splits, the same rows that the calibration errors above are measured on:
            expect them to be a little larger on other text. Out of scope is `sigmoid({outside["scale"]} *
            {outside["score"]}(intent logits) + {outside["bias"]})`, fitted on the same split with both sides weighing
            the same: 0.5 is where a text is as like the one as the other."""),
        *([_bias(heads["emotions"])] if "bias" in heads["emotions"] else []),
        *([_curves(heads)] if "urgency" in heads else []),
    ]


def _bias(emotions: Mapping[str, Any]) -> str:
    biases = ", ".join(f"{label} {bias:+}" for label, bias in zip(emotions["labels"], emotions["bias"], strict=True))
    return _fold(f"""Before that each emotion's logit gets a bias ({biases}): training weighs rare emotions up. The way
        of these biases is the likelihood's, their size the macro-F1's, both on the same rows as above.""")


def _curves(heads: Mapping[str, Any]) -> str:
    urgency, toxicity, politeness = (heads[name] for name in ("urgency", "toxicity", "politeness"))
    return _fold(f"""Urgency is `sigmoid({urgency["scale"]} * logit + {urgency["bias"]})`, fitted on the authored
        validation rows; toxicity is `sigmoid({toxicity["scale"]} * logit + {toxicity["bias"]})`, fitted on its set's
        validation rows and harmless service texts; both sides weigh the same in both. Politeness from -1 to 1 is
        `tanh({politeness["scale"]} * output + {politeness["bias"]})`. A fine emotion is present where the sigmoid of
        its logit reaches its threshold in the manifest.""")


_OLD_LIMIT = """act, urgency, politeness and toxicity are NOT heads of this model. `inference/` derives them from the
    intent and from lexical rules."""


def _newer_limits() -> tuple[str, ...]:
    return (
        """Urgency was written and labelled by one person; who is hurried in other trades, regions and manners of
        speech may be read worse. It is an order for a queue, no emergency detector.""",
        """Politeness was rated on questions of Stack Exchange and Wikipedia's editors; toxicity on tweets that were
        searched by words of abuse, with their bias: speech of some groups is flagged more often.""",
        """Capitals are not seen: the tokenizer takes all letters for small ones.""",
    )


def _limits(manifest: Mapping[str, Any]) -> list[str]:
    return [
        "## Limits",
        _bullets(
            """English only. Subtitles, forum posts, reviews and assistant commands taught it; chat of other kinds
            differs.""",
            """The 150 intents are CLINC150's (banking, travel, home, small talk …), not those of a given business.""",
            """The emotions' labels are noisy: annotators themselves agree only partly. XED's subtitles stand without
            their scenes, and its figures are low for that reason.""",
            "Irony, negation over several sentences and mixed opinions are often read wrongly.",
            *(_newer_limits() if "act" in manifest["heads"] else (_OLD_LIMIT,)),
            "The data carries its authors' and annotators' bias; no fairness study was made.",
        ),
    ]
