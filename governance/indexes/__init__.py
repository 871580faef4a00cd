"""Vector index adapters."""
