"""Model as the learner runs it: device, number formats, adapter, output head."""
