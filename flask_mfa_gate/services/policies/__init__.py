"""Policies: edited, judged, tried out."""
