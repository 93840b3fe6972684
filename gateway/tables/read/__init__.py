"""Files -> rows: layers, field tables, code tables, the dialect, the error table."""
