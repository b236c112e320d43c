"""The provider, on Authlib. Everything here loads Authlib, so it is imported where it is used."""
