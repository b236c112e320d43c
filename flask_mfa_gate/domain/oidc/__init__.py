"""OpenID Connect: clients, strength, grants, as rules without any protocol."""
