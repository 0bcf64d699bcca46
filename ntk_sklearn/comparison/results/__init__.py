"""Results of a study: their file, tables, statistics and diagrams."""
