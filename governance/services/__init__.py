"""The verbs, over the floors below."""
