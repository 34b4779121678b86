"""Starts, watches and stops every process of the system on one machine."""
