"""Child processes: spawning, identity, ports, supervision."""
