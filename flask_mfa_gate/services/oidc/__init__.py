"""Use cases of the OpenID provider."""
