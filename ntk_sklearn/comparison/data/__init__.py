"""Data sets of a study: where they come from and how they are split."""
