"""Screening of prompts: detectors, rules, the n-gram classifier, verdicts, and figures of their quality.

Public: ``screen``, ``detectors``, ``policy``, ``verdicts``, ``figures``; others are detectors or parts of one.
"""
