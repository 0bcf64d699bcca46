"""Rows in memory, in files or on a cluster, read and processed in blocks."""
