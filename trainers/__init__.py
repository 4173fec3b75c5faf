"""Training: one readable loop, and small plug-ins at its extension points.

`loop` is the loop, `run` a whole run around it, `config` what a recipe may say. The plug-ins live
in `samplers`, `guidance`, `rewards`, `advantages`, `losses`, `composers` and `hooks`.
"""
