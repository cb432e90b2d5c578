"""Continuous batching over one model: tasks in, events out.

The engine thread alone touches the model. It knows no HTTP, no JSON, no templates and no options;
what it needs arrives as frozen values (`task`) and leaves as frozen events through `mailbox`.
"""
