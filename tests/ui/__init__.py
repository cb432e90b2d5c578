"""The web UI in a real browser, against the real server.

test_chat      a first chat, stop (before it begins, too), edit and branches, again and continue, a
               reload and a network cut in mid-stream, export, delete all, import, a picture
               refused, a wrong key under a prefix, settings that the server gives, server away and
               back
test_messages  files chosen, dropped, pasted, long pastes, PDF, pictures and sounds; composing
               input; formulas, tables, code and its button, thinking, calls and results, answers
               by a pasted schema
test_chats     several at once, one done in the background; search, rename, pin, export, delete;
               settings of one chat and of all, presets; status page, charts, model card
test_access    every key of the list, little motion, a phone, writing from the right, live regions
test_page      settings in the request, theme, data of older versions, a page of one's own or none,
               weight of the first load, the cost of a token after 500 messages, 200 hostile texts,
               axe-core on every page
measure, screenshots, paced, cable: tools, the first two as commands for people
"""
