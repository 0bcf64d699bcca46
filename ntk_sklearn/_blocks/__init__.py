"""Rows wherever they lie: in memory, in files, on a cluster."""
