"""What pages look like and how they are kept up to date."""
