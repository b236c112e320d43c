"""The words of what is recorded, mailed and counted."""
