"""What a session has proved, how long it lives, and what became of a sign-in."""
