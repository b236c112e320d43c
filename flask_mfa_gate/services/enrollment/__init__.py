"""Requirement, period and factors, one user or a hundred thousand."""
