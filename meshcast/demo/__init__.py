"""The main job on one machine: real processes, real deaths, and what was heard."""
