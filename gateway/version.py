"""The version of this software: what the package, the command line and the CapabilityStatement say."""

__version__ = "0.1.0"
