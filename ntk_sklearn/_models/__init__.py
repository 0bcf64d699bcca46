"""Fitted ridge models, one kind for each solver."""
