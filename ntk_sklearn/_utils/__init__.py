"""Utilities for all other packages: compilation, threads, checks and warnings."""
