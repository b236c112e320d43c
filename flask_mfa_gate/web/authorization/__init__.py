"""The decision on a request, from facts collected once."""
