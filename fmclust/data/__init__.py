"""Where images come from, the paper's split, and batches."""
