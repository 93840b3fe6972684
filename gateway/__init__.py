"""A bidirectional FHIR <-> Redox translation gateway."""
