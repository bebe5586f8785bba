"""The networks of the MLG paper (doi:10.26434/chemrxiv.12662222.v1): autoencoders of distances to satellites."""
