"""The decision: what is asked of a request, from policies, default access and the user's own requirement."""
