"""Language identification of short chat: ours against the libraries alone.

    python -m loadtest.bench_language [--texts FILE] [--json]

The lines are those of ``languages.yaml``, in thirteen languages and in none; ``--texts`` names a file of further
English lines, on which only false alarms are counted. Ours asks words first, then fastText's model; ``words`` is ours
without the model. The libraries are told the thirteen languages where they can be; those that are not installed are
left out (``pip install py3langid lingua-language-detector``). Each way runs in a process of its own, for its memory.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from loadtest.measure import percentile, print_table

LINES = Path(__file__).with_name("languages.yaml")
UNDETERMINED = "und"
ROUNDS = 5

Identify = Callable[[str], str]
"""Text → ISO 639-1 code, or ``und``."""


def load_lines(part: str = "seen") -> dict[str, list[str]]:
    """Language → lines; ``und``: lines in none. ``part``: those that ours was tuned on, or the ``unseen`` ones."""
    parts: dict[str, dict[str, list[str]]] = yaml.safe_load(LINES.read_text(encoding="utf-8"))
    return parts[part]


def _ours(*, model: bool) -> Identify:
    from inference.langid import guesses
    from inference.language import language
    from inference.lexicon import load_lexicon, words_of

    stop_words = load_lexicon().stop_words
    guess = guesses if model else lambda _text: ()
    # The engine has the words already, from the lexical rules; here they are counted in.
    return lambda text: language(text, words_of(text), stop_words, guess)


def _fasttext(_languages: Sequence[str]) -> Identify:
    from inference.langid import guesses

    return lambda text: next((name for name, _ in guesses(text)), UNDETERMINED)


def _py3langid(languages: Sequence[str]) -> Identify:
    langid = importlib.import_module("py3langid.langid")
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(languages))
    return lambda text: str(identifier.classify(text)[0])


def _lingua(languages: Sequence[str], *, low: bool) -> Identify:
    lingua = importlib.import_module("lingua")
    known = [lingua.Language.from_iso_code_639_1(getattr(lingua.IsoCode639_1, name.upper())) for name in languages]
    builder = lingua.LanguageDetectorBuilder.from_languages(*known).with_preloaded_language_models()
    detector = (builder.with_low_accuracy_mode() if low else builder).build()

    def identify(text: str) -> str:
        found = detector.detect_language_of(text)
        return UNDETERMINED if found is None else str(found.iso_code_639_1.name).lower()

    return identify


WAYS: dict[str, tuple[str, Callable[[Sequence[str]], Identify]]] = {
    "ours": ("inference", lambda _: _ours(model=True)),
    "words": ("inference", lambda _: _ours(model=False)),
    "fasttext": ("fasttext", _fasttext),
    "py3langid": ("py3langid", _py3langid),
    "lingua": ("lingua", lambda languages: _lingua(languages, low=False)),
    "lingua, low": ("lingua", lambda languages: _lingua(languages, low=True)),
}
"""Name → the package that it needs, and how it is made from the languages it has to tell apart."""


def measure(way: str, english: Sequence[str] = ()) -> dict[str, Any]:
    """One way, in this process.

    ``accuracy`` in [0, 1]: over the lines with a language; ``unseen``: over those that ours was not tuned on;
    ``wrong``: share of the first that got another language rather than ``und``; ``in_none``: share of the lines in none
    that got ``und``; ``false_alarms``: share of ``english`` that got another language. Times in µs per text;
    memory in MB (10⁶ bytes) from before the import to after the last text.
    """
    lines = load_lines()
    languages = [name for name in lines if name != UNDETERMINED]
    before_bytes = _resident_bytes()
    identify = WAYS[way][1](languages)
    for texts in lines.values():
        list(map(identify, texts))
    after_bytes = _resident_bytes()
    pairs = [(name, identify(text)) for name in languages for text in lines[name]]
    unseen = [(name, identify(text)) for name, texts in load_lines("unseen").items() for text in texts]
    right = {name: sum(found == name for spoken, found in pairs if spoken == name) for name in languages}
    return {
        "way": way,
        "accuracy": round(sum(right.values()) / len(pairs), 4),
        "unseen": round(statistics.fmean(spoken == found for spoken, found in unseen if spoken != UNDETERMINED), 4),
        "wrong": round(sum(found not in (spoken, UNDETERMINED) for spoken, found in pairs) / len(pairs), 4),
        "in_none": sum(identify(text) == UNDETERMINED for text in lines[UNDETERMINED]) / len(lines[UNDETERMINED]),
        "false_alarms": _false_alarms(identify, english),
        **_times(identify, [text for name in languages for text in lines[name]]),
        "memory_mb": round((after_bytes - before_bytes) / 1e6, 1),
        "right": {name: f"{right[name]}/{len(lines[name])}" for name in languages},
    }


def _false_alarms(identify: Identify, english: Sequence[str]) -> float | None:
    if not english:
        return None
    return round(sum(identify(text) not in ("en", UNDETERMINED) for text in english) / len(english), 4)


def _times(identify: Identify, texts: Sequence[str]) -> dict[str, float]:
    best = [min(_one_us(identify, text) for _ in range(ROUNDS)) for text in texts]
    return {"mean_us": round(statistics.fmean(best), 1), "p95_us": round(percentile(best, 0.95), 1)}


def _one_us(identify: Identify, text: str) -> float:
    started_ns = time.perf_counter_ns()
    identify(text)
    return (time.perf_counter_ns() - started_ns) / 1_000


def _resident_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1_024


def report(texts: Path | None = None) -> dict[str, Any]:
    """``rows`` of ``measure``, one a way; ``left_out``: the ways whose package is not installed."""
    found = {way: importlib.util.find_spec(package) is not None for way, (package, _) in WAYS.items()}
    rows = [_apart(way, texts) for way, installed in found.items() if installed]
    return {"bench": "language", "rows": rows, "left_out": [way for way, installed in found.items() if not installed]}


def _apart(way: str, texts: Path | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "loadtest.bench_language", "--way", way]
    command += [] if texts is None else ["--texts", str(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def show(results: Mapping[str, Any]) -> None:
    """Print ``report``'s results."""
    keys = ("way", "accuracy", "unseen", "wrong", "in_none", "false_alarms", "mean_us", "p95_us", "memory_mb")
    headings = ("way", "accuracy", "unseen", "wrong", "none as none", "false alarms", "mean µs", "p95 µs", "MB")
    print_table("language of short chat", headings, [[row[key] for key in keys] for row in results["rows"]])
    for row in results["rows"]:
        print(f"{row['way']}: " + " ".join(f"{name} {share}" for name, share in row["right"].items()))
    for way in results["left_out"]:
        print(f"{way} is left out: it is not installed.")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_language", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--texts", type=Path, metavar="FILE", help="further English lines, for false alarms")
    parser.add_argument("--way", choices=tuple(WAYS), help="measure this one in this process, and print JSON")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    if options.way is not None:
        english = [] if options.texts is None else options.texts.read_text(encoding="utf-8").split("\n")
        print(json.dumps(measure(options.way, [text for text in english if text.strip()])))
        return 0
    results = report(options.texts)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
