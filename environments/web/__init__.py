"""Web: pages that a browser visits, served from one's own machine."""
