"""The one place that speaks HTML, JSON and RFC 9470."""
