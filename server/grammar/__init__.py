"""JSON schemas, regular expressions and texts -> pieces of a grammar in llguidance's Lark dialect.

Pure: knows no Flask, no engine and no vocab. A piece is an expression that can stand in any rule.
What can't be held to is refused (`SchemaRefused`): a grammar never lets pass what its schema does
not allow.
"""

from server.grammar.dialect import valid_values as valid_values
from server.grammar.errors import GrammarError as GrammarError
from server.grammar.errors import RegexRefused as RegexRefused
from server.grammar.errors import SchemaRefused as SchemaRefused
from server.grammar.formats import format_pattern as format_pattern
from server.grammar.lark import lark_grammar as lark_grammar
from server.grammar.lark import quote as quote
from server.grammar.lark import regex_rule as regex_rule
from server.grammar.patterns import holding_pattern as holding_pattern
from server.grammar.schema import check_schema as check_schema
from server.grammar.schema import json_rule as json_rule
