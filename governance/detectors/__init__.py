"""Detectors: records in, observations out."""
