"""Anthropic's Messages: blocks in, blocks out, in Anthropic's events.

A translation to and from the chat core: `body` makes a chat of a conversation and `turns` its
messages; what the chat gains becomes blocks (`blocks`), and those a message (`form`).
"""
