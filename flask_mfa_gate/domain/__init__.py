"""Pure rules. Standard library only, no clock of their own, no I/O."""
