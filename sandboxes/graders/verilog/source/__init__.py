"""Verilog source as text: one preprocessed form, tokens, scopes, rules."""
