"""Learner: rows of tokens, log-probs, the policy's and the critic's updates."""
