"""The models of a study, and their tuning."""
