"""Trainer: one readable loop, and small plug-ins at its extension points.

`loop` is the loop, `run` a whole run around it, `config` the fields of a recipe, `build` the step
from a config to its parts. `collection` plays episodes and turns them into samples, `learner`
updates the weights, `running` keeps checkpoints, metrics and evaluation. The plug-ins live in
`samplers`, `guidance`, `rewards`, `advantages`, `losses`, `batching` and `hooks`.
"""
