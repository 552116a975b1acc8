"""Sound: sources, Opus, sinks. Knows nothing of peers."""
