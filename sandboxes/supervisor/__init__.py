"""Supervisor of a sandbox: the trusted code between the host and the programs in the sandbox.

Standard library only, Python 3.9 or newer, one thread: `supervisor_client.supervisor_zip` packs
this package into an archive that starts wherever a sandbox is made, also in a container without
envgym.
"""
