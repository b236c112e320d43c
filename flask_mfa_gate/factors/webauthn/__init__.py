"""Security keys and passkeys: known to policies and settings; setting one up is not built yet."""
