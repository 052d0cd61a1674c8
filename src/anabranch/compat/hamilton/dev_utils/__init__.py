"""What Hamilton offers to those who deprecate something: here, nothing. Use `warnings.deprecated` or `warnings.warn`."""
