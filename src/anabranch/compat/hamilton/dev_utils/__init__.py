"""What Hamilton offers to those who extend it."""
