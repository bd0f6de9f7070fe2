"""Encode, assign and cluster on Apache Spark; needs the extra `spark` and Java."""
