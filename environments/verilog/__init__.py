"""Verilog environments: design circuits from specifications, judged against golden circuits."""
