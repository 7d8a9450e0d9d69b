"""Proofs of stages: evidence that a worker made a result, in the run that it is used in."""
