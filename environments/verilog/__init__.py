"""Verilog: design circuits from specifications, judged against a golden one."""
