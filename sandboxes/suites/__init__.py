"""What a backend has to do, and what it has to withstand: run by the tests of every one of them.

``conformance`` are the cases of the contract (`envgym.sandboxes.base`), ``attacks`` the programs
that try to get out, hang or take more than their share. `Subject` plays them on a backend;
``known`` names what a backend's design does not stop.
"""
