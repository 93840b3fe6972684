"""What the value of a cell may be turned into."""
