"""Worker processes: Temporal workers, the sequencer, the archiver. Wired in ``main``, ``archiver``, ``sequencer``."""
