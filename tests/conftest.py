"""What holds for all tests: the same draws every time, and programs that Ctrl-C reaches."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("envgym", derandomize=True, deadline=None)
settings.load_profile("envgym")

# A shell that starts the tests in the background lets them, and all they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
