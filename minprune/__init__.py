"""minprune."""
