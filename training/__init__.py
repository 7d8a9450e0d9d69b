"""Trains the classifier of ``domain/ngrams.py``. Needs numpy and SciPy, which nothing at run time does."""
