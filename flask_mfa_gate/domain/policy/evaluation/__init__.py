"""Policies made ready, judged and explained."""
