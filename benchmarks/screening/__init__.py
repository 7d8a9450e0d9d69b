"""How well the screening does: on any labelled file, plain and disguised."""
