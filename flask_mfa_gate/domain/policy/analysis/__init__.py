"""What can be said of policies before they are turned on."""
