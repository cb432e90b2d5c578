"""OpenAI's Responses: items in, items out, kept to be gone on with.

A translation to and from the chat core; what is beyond it is the store. Its wire format is
described once, in `output` (items and events) and `form` (the response object).
"""
