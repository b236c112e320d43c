"""The pages of each kind of factor and way back in."""
