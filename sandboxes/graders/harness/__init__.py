"""Harnesses that graders send into sandboxes: stdlib only, Python 3.9 or newer, sent as source."""
