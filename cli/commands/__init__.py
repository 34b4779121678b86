"""The commands that talk to a running system, over its HTTP API alone."""
