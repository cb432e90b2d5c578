"""The real runner: the only part of the engine that knows llama_ctypes.

Everything here but the tokenizer belongs to the engine thread.
"""
