"""Scheduled jobs. Thin entry points: the work itself lives in `governance.services`."""
