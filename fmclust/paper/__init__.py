"""Everything specific to Rao's paper: its numbers, its three parts, its local optima."""
