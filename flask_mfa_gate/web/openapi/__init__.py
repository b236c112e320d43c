"""The OpenAPI description of every route that speaks JSON, made of routes, registries and representations."""
