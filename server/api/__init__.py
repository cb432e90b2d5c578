"""The HTTP side: one module for each dialect of the wire, and what they share.

A dialect parses nothing itself (that is `server/schema` and `server/chat`) and computes nothing
(that is `server/engine`): it turns a body into a `generate.Job` and events into JSON. Nothing here
imports gevent at the top, so that the same code runs under every WSGI server. Answers to llama.cpp
`tools/server/server-http.cpp` and to the routes of `server-context.cpp`.
"""
