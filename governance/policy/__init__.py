"""What an organization has decided: the strict YAML reader, the grammar of policy files, and which rule decides."""
