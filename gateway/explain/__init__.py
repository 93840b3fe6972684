"""Why each field came out as it did: where it was read, by which row, and what became of each wish."""
