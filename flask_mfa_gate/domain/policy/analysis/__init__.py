"""What can be said of policies before they are switched on."""
