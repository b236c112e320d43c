"""Events on their way to other servers: their words, and how they leave."""
