"""Registry of the ten problems, in NP-Engine's five categories."""

from __future__ import annotations

from envgym.environments.puzzles.np.bisection import Bisection
from envgym.environments.puzzles.np.clique import Clique
from envgym.environments.puzzles.np.coloring import Coloring
from envgym.environments.puzzles.np.cover import Cover
from envgym.environments.puzzles.np.cycle import Cycle
from envgym.environments.puzzles.np.independent_set import IndependentSet
from envgym.environments.puzzles.np.knapsack import Knapsack
from envgym.environments.puzzles.np.meetings import Meetings
from envgym.environments.puzzles.np.problem import Problem
from envgym.environments.puzzles.np.subset_sum import SubsetSum
from envgym.environments.puzzles.np.tour import Tour

_ALL: tuple[Problem, ...] = (
    *(Clique(), IndependentSet(), Coloring()),  # graph
    Meetings(),  # schedule
    Bisection(),  # partition
    *(SubsetSum(), Cover(), Knapsack()),  # selection
    *(Tour(), Cycle()),  # planning
)
PROBLEMS = {problem.name: problem for problem in _ALL}
