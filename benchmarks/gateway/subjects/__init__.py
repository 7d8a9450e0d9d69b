"""The subjects: Assay, bare Temporal, the textbook design and the peers."""
