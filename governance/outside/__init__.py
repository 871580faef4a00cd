"""What goes out with an export. Nothing here knows the rest of this package."""
