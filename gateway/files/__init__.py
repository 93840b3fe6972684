"""What the configuration and the tables are both read with: marked YAML, its shapes, time zones."""
