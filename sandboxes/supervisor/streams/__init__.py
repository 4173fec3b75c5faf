"""Streams of a supervisor: frames to the host, pipes of programs."""
