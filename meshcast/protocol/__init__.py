"""The protocol: pure machines and the values that they exchange. No clock, no socket, no chance of its own."""
