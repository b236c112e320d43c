"""Conditional access: policies, their conditions, and which of them match."""
