"""Models of a study: what each is and how it is tuned."""
