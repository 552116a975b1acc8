"""The tracker as a service: trio, sessions, command line."""
