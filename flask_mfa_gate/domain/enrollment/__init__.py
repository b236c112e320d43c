"""Requirement and period of each user, and what each action does to them."""
