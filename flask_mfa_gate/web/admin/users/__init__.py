"""Users: the list, one user, and what is done to them."""
