"""What holds for every test. Tests import what they share from `toys`: pytest puts this folder on the path."""

import gc


def pytest_collection_finish():
    """What has been imported by now stays: the collection that each `fit` begins with then takes 5 ms, not 250."""
    gc.collect()
    gc.freeze()
