"""Supervisor of a box: the trusted code between the host and the programs in the box.

Standard library only, Python 3.9 or newer, one thread: `supervisor_client.supervisor_zip` packs
this package into an archive that starts wherever a box is made, also in a container without envgym.
"""
