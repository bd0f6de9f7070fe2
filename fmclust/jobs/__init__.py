"""Jobs: from a configuration to a finished run directory with its page."""
