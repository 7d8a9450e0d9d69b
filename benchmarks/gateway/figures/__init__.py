"""Figures: demands on them, tables, and the report."""
