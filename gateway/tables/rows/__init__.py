"""What a row is: its cells, its paths, and the schemas that the paths are found in."""
