"""Quality of the screening: on any labelled file, plain and disguised."""
