"""Who the users are, which of them a list is about, and who may do what to whom."""
