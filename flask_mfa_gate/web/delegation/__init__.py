"""What acts in a user's stead: tokens of the host."""
