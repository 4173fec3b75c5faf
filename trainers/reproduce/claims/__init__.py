"""Papers' claims in miniature, a file each; run by name (``envgym reproduce lite_ppo``)."""
