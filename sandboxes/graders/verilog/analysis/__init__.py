"""Analysis of circuits: ports, golden designs, toggle coverage, equivalence, reachability."""
