"""`llamactl doctor`: what is there, what is wrong with it, and what to do, before a server starts.

The checks are functions of facts and say one line each. Native code, which may end a process that
it does not fit, runs in another one. The room starts no server and changes nothing.
"""
