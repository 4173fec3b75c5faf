"""What runs inside a box: the trusted supervisor, and what it does between a fork and a program.

Standard library only, Python 3.9 or newer, one thread: this package is packed into an archive
(`supervisor_client.supervisor_zip`) and started wherever a box is made, in a container too, where
nothing of envgym is installed.
"""
