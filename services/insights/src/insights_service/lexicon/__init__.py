"""The offline engine: rules and word lists of our own that label a text without any network or trained model."""

from insights_service.lexicon.engine import ENGINE, LexiconEngine, Sentiment

__all__ = ["ENGINE", "LexiconEngine", "Sentiment"]
