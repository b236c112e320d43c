"""The engine and what is the same on SQLite, PostgreSQL and MariaDB."""
