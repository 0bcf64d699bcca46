"""Learning of a kernel's hyperparameters and the ridge by an objective."""
