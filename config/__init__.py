"""Settings, logging, and paths of shipped files."""
