"""A corpus as a data set that `datasets.load_dataset` reads from its folder as it is."""
