"""Ten NP-hard problems, each a file: what is asked, how it is judged, a heuristic to be matched."""
