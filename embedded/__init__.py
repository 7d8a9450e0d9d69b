"""The single-machine stack: real PostgreSQL, OpenBao, Temporal and model servers from wheels, started and supervised.

For others to use: ``servers.EmbeddedServers``, ``child.ChildSpec`` and ``probes.http_ready`` (to add a process of one's
own), ``doctor.examine``, ``signals.EndSignals``, ``ports.unused_ports`` and ``errors``. Nothing is imported here:
the model's process loads this package too, and must start fast.
"""
