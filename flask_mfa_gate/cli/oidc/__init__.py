"""Commands of the OpenID provider."""
