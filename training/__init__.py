"""Trains the classifier of ``domain/screening/ngrams.py``. Needs numpy and SciPy, which nothing at run time does."""
