"""Maximum clique."""

from __future__ import annotations

from envgym.environments.puzzles.np.planted_set import PlantedSet


class Clique(PlantedSet):
    """Find as many nodes as possible that are all joined to each other."""

    name = "clique"
    joined = True
    asks = (
        "Find as many nodes as you can of which every two are joined by an edge. Answer with the "
        "list of these nodes."
    )
    method = (
        "begin with a node of many edges, keep to the nodes joined to all that you have, and add "
        "the one that leaves most of them."
    )
