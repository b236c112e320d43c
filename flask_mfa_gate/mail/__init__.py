"""Mail: what is told, the outbox it waits in, and how it leaves."""
