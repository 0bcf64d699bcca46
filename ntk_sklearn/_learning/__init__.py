"""Where kernels meet matrices: hyperparameters learned by an objective."""
