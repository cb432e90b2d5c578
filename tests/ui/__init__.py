"""The web UI in a real browser, against the real server."""
