"""The host's users, as lists, counts and policies see them."""
