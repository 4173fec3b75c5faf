"""Maximum independent set."""

from __future__ import annotations

from envgym.environments.puzzles.np.planted_set import PlantedSet


class IndependentSet(PlantedSet):
    """Find as many nodes as possible of which no two are joined."""

    name = "independent_set"
    joined = False
    asks = (
        "Find as many nodes as you can of which no two are joined by an edge. Answer with the list "
        "of these nodes."
    )
    method = "begin with a node of few edges, strike out the nodes joined to it, and go on so."
