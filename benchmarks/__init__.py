"""Measurements beside honest peers: ratios within one run."""
