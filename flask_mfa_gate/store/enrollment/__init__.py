"""What is required of users, and what they hold."""
