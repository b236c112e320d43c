"""OpenID Connect as a protocol: adapters between Authlib and the services. Tables, rules and pages are elsewhere."""
