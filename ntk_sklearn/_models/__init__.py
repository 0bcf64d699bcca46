"""Fitted kernel ridge models, one kind for each solver."""
