"""Pages without a browser: the sites' own element trees, acted on in process."""
