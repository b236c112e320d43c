"""What is known of the client of a request: place, program, risk, and how much of it is too much."""
