"""Who the host's users are, and what becomes of them."""
