"""What any room may use: compilation, threads, checks, warnings."""
