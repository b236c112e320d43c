"""What the host says of its views, and what that weighs."""
