"""Knowledge-base freshness and governance: audits, proven erasure, an audit log that outsiders can check."""

__version__ = "0.1.0"
