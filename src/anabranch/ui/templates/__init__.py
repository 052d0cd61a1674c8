"""The pages' templates; whatever is put into one is escaped."""
