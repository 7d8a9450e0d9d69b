"""Training of the classifier of ``domain/screening/ngrams.py``. Needs numpy and SciPy, unlike the product."""
