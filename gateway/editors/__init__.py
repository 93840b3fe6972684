"""What editors are told of our YAML files: JSON Schemas by which they complete, explain and underline."""
