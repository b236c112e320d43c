"""The audit log, and the keys it is sealed with."""
