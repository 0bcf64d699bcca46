"""Transformers of tables."""
