"""What condition words are, and which of them a gate knows. The built-in ones are in ``words``, one file each."""
