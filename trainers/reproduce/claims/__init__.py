"""Claims of papers in miniature, one file each; run one by name (``envgym reproduce lite_ppo``)."""
