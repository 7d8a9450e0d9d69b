"""The Temporal client, its payload conversion and external storage, and run lists."""
