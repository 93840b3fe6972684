"""Their mirror: the functions that write what FHIR clients are answered."""
