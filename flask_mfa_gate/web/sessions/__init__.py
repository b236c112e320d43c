"""Which session of the gate counts for a request."""
