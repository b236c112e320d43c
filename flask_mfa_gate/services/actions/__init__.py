"""Actions on users: one, several, or all whom a filter finds."""
