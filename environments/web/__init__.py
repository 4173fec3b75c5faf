"""Web pages for a browser, served from the local machine."""
