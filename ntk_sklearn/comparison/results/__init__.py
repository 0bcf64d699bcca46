"""Results of a study: the file they are kept in, tables, statistics and diagrams."""
