"""Conformance and attack suites, run by the tests of every backend.

``conformance`` holds the cases of the contract (`envgym.sandboxes.base`), ``attacks`` the programs
that try to get out, hang or take more than their share. `BackendUnderTest` runs them on a backend;
``known_gaps`` lists the cases that a backend's design does not stop.
"""
