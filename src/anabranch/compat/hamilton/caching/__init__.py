"""What runs with a cache keep; see docs/durable.md."""
