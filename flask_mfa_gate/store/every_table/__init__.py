"""What is done to all tables at once."""
