"""The words that conditions are made of, one file each."""
