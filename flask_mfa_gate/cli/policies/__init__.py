"""Commands on conditional access."""
