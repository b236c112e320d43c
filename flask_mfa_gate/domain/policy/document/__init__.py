"""What policies are, and how a document says it."""
