"""Pure rules: standard library only, no I/O, no clock. Wings in layers, lowest first; each names its public modules."""
