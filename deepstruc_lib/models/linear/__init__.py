"""Linear models: logistic regression for the shape, a ridge regression a shape for the bond length."""
