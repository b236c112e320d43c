"""The client side of OpenID Connect, on Authlib: providers that sign users in here."""
