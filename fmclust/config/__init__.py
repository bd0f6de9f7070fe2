"""Check the command line and compose the configuration."""
