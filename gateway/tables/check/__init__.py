"""Everything that can be wrong with tables: one row, one table, a whole site, the examples."""
