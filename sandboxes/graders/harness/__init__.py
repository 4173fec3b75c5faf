"""Harnesses that graders send into boxes: stdlib only, Python 3.9 or newer, shipped as source."""
