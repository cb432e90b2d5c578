"""Mixed traffic for minutes or hours, and what of a server grows, leaks or breaks under it.

It starts this checkout's `llamactl serve`, because it looks into its processes (Linux). It measures
no speed: that is what the scenarios are for.
"""
