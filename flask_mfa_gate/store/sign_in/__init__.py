"""Where users are signed in, and what became of each sign-in."""
