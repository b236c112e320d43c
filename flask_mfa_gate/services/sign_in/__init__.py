"""Sign-ins: begun, challenged, kept, ended."""
