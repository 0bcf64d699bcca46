"""Transformers of tables."""

from ._table_encoder import TableEncoder

__all__ = ["TableEncoder"]
