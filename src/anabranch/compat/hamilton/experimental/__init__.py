"""What was experimental in Hamilton, under the names that it had then."""
