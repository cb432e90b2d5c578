"""The request table: one row for each field of a request.

The rows drive parsing, error text, `generation_settings`, the JSON Schema of the API description
and docs/reference/requests.md; `bodies` says which body has which. Knows no Flask, no settings and
no model but its tokenizer. Answers to llama.cpp `tools/server/server-schema.cpp`.
"""

from server.schema.adapters import choose_adapters as choose_adapters
from server.schema.adapters import parse_server_scales as parse_server_scales
from server.schema.body import ArraySchema as ArraySchema
from server.schema.body import BodySchema as BodySchema
from server.schema.completion import as_object as as_object
from server.schema.completion import parse_completion as parse_completion
from server.schema.completion import task_from as task_from
from server.schema.constraints import answer_rule as answer_rule
from server.schema.constraints import default_constraint as default_constraint
from server.schema.errors import RequestError as RequestError
from server.schema.errors import SchemaError as SchemaError
from server.schema.model_defaults import recommended_sampling as recommended_sampling
from server.schema.openai import openai_chat_body as openai_chat_body
from server.schema.openai import openai_completion_body as openai_completion_body
from server.schema.params import CompletionParams as CompletionParams
from server.schema.params import RequestDefaults as RequestDefaults
from server.schema.places import token_places as token_places
from server.schema.prompts import parse_prompts as parse_prompts
from server.schema.prompts import required_prompt as required_prompt
from server.schema.settings import default_generation_settings as default_generation_settings
from server.schema.settings import generation_settings as generation_settings
from server.schema.table import FIELDS as FIELDS
