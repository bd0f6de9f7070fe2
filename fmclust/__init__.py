"""fmclust: cluster images without labels."""
