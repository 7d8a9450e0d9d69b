"""The single-machine stack: PostgreSQL, OpenBao, Temporal and model servers from wheels, started and supervised.

Public: ``servers.group.EmbeddedServers``, ``process.child.ChildSpec`` and ``process.probes.http_ready`` (to add a
process), ``doctor.examine``, ``process.signals.EndSignals``, ``process.ports.unused_ports`` and ``process.errors``.
Nothing is imported here: the model's process loads this package too, and must start fast.
"""
