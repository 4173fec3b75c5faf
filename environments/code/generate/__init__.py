"""Programming tasks without end: compositions of small plain functions, put into words."""
