"""What every handler is given: the settings, the engine, and what was loaded.

Made once by `create_app`. It holds no request and no lock; what depends on the model appears when
the engine shows it.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property

from server.api.admission import Admission
from server.api.auth import ApiKeys
from server.api.blocking import pause
from server.api.disconnect import Watchers
from server.api.errors import InvalidRequest
from server.api.errors import Unavailable
from server.api.exposition import Metrics
from server.api.prompt_log import PromptLog
from server.api.replay import KeptStreams
from server.api.responses.kept import KeptResponses
from server.chat.errors import TemplateError
from server.chat.prompt import choose_source
from server.chat.template import ChatTemplate
from server.engine.client import EngineClient
from server.engine.mailbox import Status
from server.engine.modelinfo import ModelInfo
from server.engine.modelinfo import Tokenizer
from server.engine.task import Adapters
from server.engine.task import SamplingParams
from server.engine.task import Tokens
from server.options.keys import read_keys
from server.options.settings import SamplingSettings
from server.options.settings import Settings
from server.schema import RequestDefaults
from server.schema import choose_adapters
from server.schema import default_constraint
from server.schema import recommended_sampling

log = logging.getLogger(__name__)

Refuses = Callable[[Tokens], bool]
"""Whether a prompt is not to be computed because it was seen to do harm."""

VERBOSE_FROM = 10
"""--verbosity from which answers carry `__verbose` by themselves."""

LOADING = "Loading model"
FAILED = "The model could not be loaded; the server's log has the details"
QUARANTINED = (
    "prompt: it was being computed in two crashes of the server, and is refused until the server "
    "is started anew (--quarantine)"
)
STOPPED = "The server is shutting down"


class Model:
    """What is loaded, as the API shows it."""

    def __init__(self, settings: Settings, info: ModelInfo, tokenizer: Tokenizer) -> None:
        self.info = info
        self.tokenizer = tokenizer
        self.path = readable(info.path)
        aliases = sorted(settings.model.alias) or [info.path]
        self.aliases = tuple(readable(name) for name in aliases)
        self.tags = tuple(readable(tag) for tag in settings.model.tags)
        self.defaults = request_defaults(settings, info.metadata)
        own = settings.chat.chat_template
        self.template_source = choose_source(info.chat_template or info.chat_template_tool_use, own)
        self._tool_source = None if own else info.chat_template_tool_use

    @property
    def name(self) -> str:
        """The name that answers carry."""
        return self.aliases[0]

    @cached_property
    def template(self) -> ChatTemplate:
        """The chat template. TemplateError if it is broken, which breaks chat and nothing else."""
        return self._compiled(self.template_source)

    @cached_property
    def tool_template(self) -> ChatTemplate:
        """The template of chats with tools: the model's own for them, if it has one that works."""
        if self._tool_source is None:
            return self.template
        try:
            return self._compiled(self._tool_source)
        except TemplateError as error:
            log.warning("the model's chat template for tools is left out: %s", error)
            return self.template

    def _compiled(self, source: str) -> ChatTemplate:
        return ChatTemplate(
            source,
            bos_token=self.info.bos_token,
            eos_token=self.info.eos_token,
            add_bos=self.tokenizer.add_bos,
            add_eos=self.tokenizer.add_eos,
            pause=pause,
        )


class Service:
    """One server: read by handlers on any thread or greenlet."""

    def __init__(
        self,
        settings: Settings,
        engine: EngineClient,
        refuses: Refuses | None = None,
    ) -> None:
        self.settings = settings
        self.engine = engine
        self._refuses = refuses
        self.keys = ApiKeys(read_keys(settings.http))
        self.prompt_log = PromptLog(settings.log.log_prompts_dir)
        self.metrics = Metrics(engine)
        self.watchers = Watchers()
        self.streams = KeptStreams()
        self.responses = KeptResponses(settings.responses)
        operation = settings.operation
        self.admission = Admission(settings.slots.n_slots, operation.queue_max)
        self.media_marker = f"<__media_{secrets.token_hex(16)}__>"
        self._model: Model | None = None
        self._lora_scales: tuple[float, ...] | None = None

    def reload_keys(self) -> None:
        """Read the key files again. OptionError if one can't be read; the old keys stay then."""
        self.keys.replace(read_keys(self.settings.http))

    def check_ready(self) -> None:
        """Unavailable unless the model is loaded and tasks are accepted."""
        status = self.engine.status
        if status is Status.LOADING:
            raise Unavailable(LOADING)
        if status is not Status.READY:
            raise Unavailable(FAILED if status is Status.FAILED else STOPPED)

    def check_prompt(self, prompt: Tokens) -> None:
        """InvalidRequest if the prompt has made the server crash before."""
        if self._refuses is not None and self._refuses(prompt):
            raise InvalidRequest(QUARANTINED)

    def model(self) -> Model:
        """What is loaded. Unavailable."""
        board = self.engine.board
        if board.info is None or board.tokenizer is None:
            raise Unavailable(LOADING)
        if self._model is None or self._model.info is not board.info:
            self._model = Model(self.settings, board.info, board.tokenizer)
        return self._model

    @property
    def predict_limit(self) -> int:
        """The most tokens of an answer whose request sets no limit; -1 = no limit. Unavailable."""
        if self.settings.context.n_predict >= 0:  # -1 in a request is not more than nothing said
            return self.settings.context.n_predict
        limit = self.settings.operation.predict_limit
        if limit or not self.settings.context.context_shift:
            return limit or -1  # without shifting the context is the limit
        return self.model().info.n_ctx_slot

    @property
    def defaults(self) -> RequestDefaults:
        """What a request gets that says nothing else. Unavailable."""
        return self.model().defaults

    @property
    def lora_scales(self) -> tuple[float, ...]:
        """How strongly each adapter acts on requests that don't say. Replaced whole."""
        if self._lora_scales is None:
            return tuple(adapter.scale for adapter in self.model().info.adapters)
        return self._lora_scales

    @lora_scales.setter
    def lora_scales(self, scales: tuple[float, ...]) -> None:
        self._lora_scales = scales

    def adapters_for(
        self, requested: tuple[tuple[int, float], ...], prompt: Tokens
    ) -> tuple[Adapters, int]:
        """What a request's prompt is computed with; see `choose_adapters`. SchemaError."""
        return choose_adapters(requested, self.lora_scales, self.model().info.adapters, prompt)


def readable(text: str) -> str:
    """A path or an argument as JSON can hold it: bytes that are no UTF-8 become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def request_defaults(settings: Settings, metadata: Mapping[str, str]) -> RequestDefaults:
    """What a request gets that says nothing else. metadata: the model's."""
    return RequestDefaults(
        sampling=sampling_defaults(settings, metadata),
        n_predict=settings.context.n_predict,
        n_keep=settings.context.n_keep,
        cache_prompt=settings.slots.cache_prompt,
        n_cache_reuse=settings.slots.n_cache_reuse,
        stop=settings.context.antiprompt,
        sse_ping_interval=settings.http.sse_ping_interval_s,
        n_slots=settings.slots.n_slots,
        reasoning_format=settings.chat.reasoning_format,
        verbose=settings.log.verbosity >= VERBOSE_FROM,
    )


def sampling_defaults(settings: Settings, metadata: Mapping[str, str]) -> SamplingParams:
    """The sampling options under the request's names, which are theirs too.

    Those that nobody set are the model's, if it recommends any.
    """
    shared = {item.name for item in fields(SamplingParams)}
    shared &= {item.name for item in fields(SamplingSettings)}
    values = {name: getattr(settings.sampling, name) for name in shared}
    recommended = recommended_sampling(metadata)
    values |= {key: value for key, value in recommended.items() if not settings.is_given(key)}
    schema = settings.sampling.json_schema
    constraint = None if schema is None else default_constraint(schema)
    return SamplingParams(**values, constraint=constraint)
