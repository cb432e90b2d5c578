"""Messages -> prompt, and text -> messages. Pure functions: no HTTP, no engine, no vocab."""
