"""What can be said of a code without a database, and how many wrong ones are too many."""
