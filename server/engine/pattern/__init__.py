"""Regular expressions for growing texts: each character is looked at once, whatever came before.

No expression can take longer for a character than its own length, so that a client's may run in
the engine thread. It knows no tokens and no grammars.
"""

from server.engine.pattern.errors import PatternRefused as PatternRefused
from server.engine.pattern.search import PatternSearch as PatternSearch
