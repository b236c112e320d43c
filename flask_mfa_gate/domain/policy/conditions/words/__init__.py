"""The built-in condition words, one file each."""
