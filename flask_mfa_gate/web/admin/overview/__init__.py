"""The first page of the console: numbers, what to do next, and charts."""
