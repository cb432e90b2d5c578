"""The load generator, and the comparison of two servers: `python -m bench`.

It drives any server that speaks OpenAI's routes, over HTTP only, with scenarios that are each
bounded, and compares two servers in alternating rounds. It imports nothing of `server`; of
`llama_ctypes` only what requantizes the model to measure with.
"""
