"""Use cases: check, act, record, notify. They know the store and the factors, and nothing of a request."""
