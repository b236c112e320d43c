"""Everything that knows of a request."""
