"""The road of a request: before the host's hooks, before the view, after it."""
