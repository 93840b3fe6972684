"""What a site's tables do while it serves."""
