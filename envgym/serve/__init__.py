"""Environments over WebSocket: a server for any registered one, and a client that is an `Env`.

One socket is one stream of episodes in one instance. What is asked while nothing can be awaited
(`make`, `tasks`, `hints`) goes by plain HTTP to the same address. Loaded on demand: it needs
aiohttp, which a gym on one machine does not.
"""
