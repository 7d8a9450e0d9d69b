"""Pure rules: standard library only, no I/O or clock. Wings are layers, lowest first; each lists its public modules."""
