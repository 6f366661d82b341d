"""Measures the offline sentiment engine on labelled tweets beside simple baselines, and fits its few constants.

python bench/sentiment_quality.py            the table of docs/insights.md, from the val splits
python bench/sentiment_quality.py --fit      the constants of lexicon/calibration.py, from the train splits
"""

import argparse
import csv
import gzip
import os
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
from insights_service.lexicon import LexiconEngine
from insights_service.lexicon.calibration import figures
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

DATA = Path(os.environ.get("ATALAYA_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")) / "text_sentiment"
LABELS = ["positive", "neutral", "negative"]
Rows = list[tuple[str, str]]


def rows_of(name: str) -> Rows:
    """Reads a split; the English files hold some characters as \\uXXXX, which every method below gets as characters."""
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [(unescaped(row["text"]), row["label"]) for row in csv.DictReader(file)]


def unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text)


def unseen(rows: Rows, train: Rows) -> Rows:
    """Leaves out what the train split holds too: both English sets come from one source and share tweets."""
    known = {re.sub(r"\W+", "", text).lower() for text, _ in train}
    return [(text, label) for text, label in rows if re.sub(r"\W+", "", text).lower() not in known]


def macro_f1(truth: list[str], guesses: list[str]) -> float:
    return 100 * float(f1_score(truth, guesses, labels=LABELS, average="macro", zero_division=0))


def engine_guesses(engine: LexiconEngine, rows: Rows, language: str) -> list[str]:
    return [sentiment.label for sentiment in engine.score_all([text for text, _ in rows], language)]


def svm_guesses(train: Rows, rows: Rows) -> list[str]:
    """The usual strong baseline: word and character n-grams into a linear SVM."""
    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
        ),
        LinearSVC(C=0.5, random_state=0),
    )
    model.fit([text for text, _ in train], [label for _, label in train])
    return [str(guess) for guess in model.predict([text for text, _ in rows])]


def interval(truth: list[str], guesses: list[str]) -> tuple[float, float]:
    """A 95 % interval of macro-F1 by 500 bootstrap samples."""
    generator = np.random.default_rng(0)
    wanted, given = np.array(truth), np.array(guesses)
    picks = (generator.integers(0, len(wanted), len(wanted)) for _ in range(500))
    values = [macro_f1(list(wanted[pick]), list(given[pick])) for pick in picks]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def report() -> None:
    """Prints the table, and how fast the engine is."""
    engine = LexiconEngine()
    print(
        "| split | texts | majority | linear SVM | offline-lexicon-1 (95 %) | language found |\n"
        "|---|---|---|---|---|---|"
    )
    for split, train, language in (
        ("umsab_es_val", "umsab_es_train", "es"),
        ("umsab_en_val", "umsab_en_train", "en"),
        ("tweeteval_sentiment_val", "umsab_en_train", "en"),
    ):
        rows = unseen(rows_of(split), rows_of(train))
        truth = [label for _, label in rows]
        majority = [Counter(truth).most_common(1)[0][0]] * len(rows)
        given = engine_guesses(engine, rows, language)
        low, high = interval(truth, given)
        print(
            f"| {split} | {len(rows)} | {macro_f1(truth, majority):.1f} "
            f"| {macro_f1(truth, svm_guesses(rows_of(train), rows)):.1f} "
            f"| {macro_f1(truth, given):.1f} ({low:.1f} to {high:.1f}) "
            f"| {macro_f1(truth, engine_guesses(engine, rows, '')):.1f} |"
        )
    print(f"\nCPU per 1000 tweets, one core: {milliseconds(engine):.0f} ms")


def milliseconds(engine: LexiconEngine) -> float:
    """The median of five runs over texts that the engine has not seen in the run before."""
    texts = [text for text, _ in rows_of("tweeteval_sentiment_val")]
    times = []
    for start in (0, 200, 400, 600, 800):
        before = time.process_time()
        engine.score_all(texts[start : start + 1000])
        times.append(1000 * (time.process_time() - before))
    return sorted(times)[2]


def emotions() -> None:
    """Prints macro-F1 of the strongest emotion on EmoEvent's dev splits; no emotion found is `others`."""
    engine = LexiconEngine()
    known = ["anger", "disgust", "fear", "joy", "sadness", "surprise"]
    for language in ("es", "en"):
        with gzip.open(
            DATA.parent / "text_emotion" / f"emoevent_{language}_dev.csv.gz", "rt", encoding="utf-8"
        ) as file:
            rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        guesses = []
        for text, _ in rows:
            emotions_found = engine.score(text, language).emotions
            found = {name: emotions_found.get(name, 0.0) for name in known}
            strongest = max(known, key=lambda name: found[name])
            guesses.append(strongest if found[strongest] else "others")
        score = f1_score([label for _, label in rows], guesses, labels=[*known, "others"], average="macro")
        print(f"EmoEvent {language} dev, {len(rows)} texts, 7 labels: macro-F1 {100 * score:.1f}")


def fit() -> None:
    """Prints the constants: a multinomial logistic regression on the figures of the train split, neutral set to 0."""
    engine = LexiconEngine()
    for language in ("es", "en"):
        rows = rows_of(f"umsab_{language}_train")
        table = np.array([figures(engine.read(text, language)[1]) for text, _ in rows])
        model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=2000).fit(table, [label for _, label in rows])
        weights = dict(zip(model.classes_, model.coef_, strict=True))
        for label in ("positive", "negative"):
            print(language, label, tuple(round(float(weight), 3) for weight in weights[label] - weights["neutral"]))
        print(f"  macro-F1 on train: {100 * f1_score([r[1] for r in rows], model.predict(table), average='macro'):.1f}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--fit", action="store_true", help="print the constants instead of the table")
    arguments.add_argument("--emotions", action="store_true", help="print the figures of the emotions instead")
    asked = arguments.parse_args()
    if asked.fit:
        fit()
    elif asked.emotions:
        emotions()
    else:
        report()
