"""Who the host says is signed in, however the host does that."""
