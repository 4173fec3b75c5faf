"""Chromium, driven through the Chrome DevTools Protocol (CDP): one process, many isolated tabs."""
