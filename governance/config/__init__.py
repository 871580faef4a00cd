"""Configuration: `kbgov.toml`, overridden by `KBGOV_*`. Secrets come from the environment or private files only."""
