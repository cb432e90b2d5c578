"""A loaded model: its facts, its metadata, its vocabulary. llama.h: Model

Loading says in one sentence why it failed, reports progress and can be cancelled. Knows no context:
one model may serve several.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

from llama_ctypes import log
from llama_ctypes import runtime
from llama_ctypes.buffers import StrPath
from llama_ctypes.buffers import path_bytes
from llama_ctypes.buffers import read_string
from llama_ctypes.buffers import read_table
from llama_ctypes.ctype import Ptr
from llama_ctypes.errors import LoadCancelled
from llama_ctypes.errors import ModelLoadError
from llama_ctypes.gguf_file import complaint_after
from llama_ctypes.gguf_file import complaint_before
from llama_ctypes.handle import Handle
from llama_ctypes.raw import model as raw
from llama_ctypes.raw import system
from llama_ctypes.raw.enums import LLAMA_TOKEN_NULL
from llama_ctypes.raw.enums import llama_rope_type
from llama_ctypes.raw.params import llama_model_params
from llama_ctypes.raw.types import llama_model
from llama_ctypes.raw.types import llama_progress_callback
from llama_ctypes.vocab import Vocab

OnProgress = Callable[[float], bool]


class Model(Handle[llama_model]):
    """Owner of a llama_model. Facts are read once, at load, and stay readable after close().

    With params.vocab_only it has a vocabulary and metadata, no layers, and can have no context.
    """

    noun = "model"

    def __init__(self, pointer: Ptr[llama_model], params: llama_model_params) -> None:
        """Take over a loaded model; use `Model.load`."""
        super().__init__(pointer)
        # The model keeps pointers into it: devices, tensor_split, overrides.
        self._params = params
        self.vocab_only: bool = params.vocab_only
        self._vocab: weakref.ref[Vocab] | None = None
        self._pieces: dict[bool, list[bytes]] = {}
        self.n_params = raw.llama_model_n_params(pointer)
        self.size_bytes = raw.llama_model_size(pointer)
        self.n_embd = raw.llama_model_n_embd(pointer)
        self.n_embd_inp = raw.llama_model_n_embd_inp(pointer)
        self.n_embd_out = raw.llama_model_n_embd_out(pointer)
        self.n_layer = raw.llama_model_n_layer(pointer)
        self.n_layer_nextn = raw.llama_model_n_layer_nextn(pointer)
        # C aborts for the heads of a model without layers.
        self.n_head = raw.llama_model_n_head(pointer) if self.n_layer else 0
        self.n_head_kv = raw.llama_model_n_head_kv(pointer) if self.n_layer else 0
        self.n_swa = raw.llama_model_n_swa(pointer)
        self.has_encoder = raw.llama_model_has_encoder(pointer)
        self.has_decoder = raw.llama_model_has_decoder(pointer)
        self.is_recurrent = raw.llama_model_is_recurrent(pointer)
        self.is_hybrid = raw.llama_model_is_hybrid(pointer)
        self.is_diffusion = raw.llama_model_is_diffusion(pointer)
        self.rope_type = llama_rope_type(raw.llama_model_rope_type(pointer))
        self.rope_freq_scale_train = raw.llama_model_rope_freq_scale_train(pointer)
        self.ftype = raw.llama_model_ftype(pointer)
        self.desc = read_string(lambda b, n: raw.llama_model_desc(pointer, b, n)) or ""

    @classmethod
    def load(
        cls,
        path: StrPath,
        params: llama_model_params | None = None,
        on_progress: OnProgress | None = None,
    ) -> Model:
        """Load a GGUF file, or the first of several `-00001-of-0000N.gguf`.

        `on_progress` hears values from 0 to 1 on this thread; False cancels (LoadCancelled), and
        what it raises comes out of here. ModelLoadError: one sentence that says what is wrong.
        """
        runtime.start()
        complaint = complaint_before(path)
        if complaint:
            raise ModelLoadError(complaint)
        params = params or cls.default_params()
        # A copy, as the caller may load twice with the same parameters.
        used = llama_model_params.from_buffer_copy(params)
        progress = _Progress(on_progress)
        if on_progress:
            used.progress_callback = progress.callback
        point = log.mark()
        pointer = raw.llama_model_load_from_file(path_bytes(path), used)
        if pointer:
            return cls(pointer, params)
        progress.raise_if_stopped(path)
        raise ModelLoadError(complaint_after(path, log.errors_since(point)))

    @staticmethod
    def default_params() -> llama_model_params:
        """The defaults, to be changed and passed on."""
        return raw.llama_model_default_params()

    @property
    def vocab(self) -> Vocab:
        """The vocabulary, which keeps the model alive."""
        # A strong reference would be a cycle, and a dropped model would wait for the collector.
        vocab = self._vocab() if self._vocab else None
        if vocab is None:
            vocab = Vocab(self, raw.llama_model_get_vocab(self.ptr), self._pieces)
            self._vocab = weakref.ref(vocab)
        return vocab

    @property
    def n_ctx_train(self) -> int:
        """Context length of its training; a context with other YaRN scaling adjusts it."""
        return raw.llama_model_n_ctx_train(self.ptr)

    @property
    def ftype_name(self) -> str:
        """The file type, e.g. "Q4_K - Medium"."""
        return (system.llama_ftype_name(self.ftype) or b"").decode()

    @property
    def decoder_start_token(self) -> int | None:
        """First token for the decoder of an encoder-decoder model."""
        token = raw.llama_model_decoder_start_token(self.ptr)
        return None if token == LLAMA_TOKEN_NULL else token

    def classifier_labels(self) -> list[str]:
        """Labels of a classifier's outputs, "" where the file has none; only for classifiers."""
        pointer = self.ptr
        labels = (
            raw.llama_model_cls_label(pointer, i) for i in range(raw.llama_model_n_cls_out(pointer))
        )
        return [(label or b"").decode("utf-8", "replace") for label in labels]

    def meta(self) -> dict[str, str]:
        """All scalar metadata of the file as text, in no particular order."""
        return read_table(
            raw.llama_model_meta_count(self.ptr),
            partial(raw.llama_model_meta_key_by_index, self.ptr),
            partial(raw.llama_model_meta_val_str_by_index, self.ptr),
        )

    def meta_value(self, key: str) -> str | None:
        """One metadata value as text, or None."""
        pointer, name = self.ptr, key.encode()
        return read_string(lambda b, n: raw.llama_model_meta_val_str(pointer, name, b, n))

    def chat_template(self, name: str | None = None) -> str | None:
        """The Jinja template of that name, or the default one; None when the model has none."""
        template = raw.llama_model_chat_template(self.ptr, name.encode() if name else None)
        return None if template is None else template.decode("utf-8", "replace")

    def save(self, path: StrPath) -> None:
        """Write the model to a GGUF file."""
        raw.llama_model_save_to_file(self.ptr, path_bytes(path))

    def _dispose(self, pointer: Ptr[llama_model]) -> None:
        raw.llama_model_free(pointer)


class _Progress:
    """The callback of one load, and what it wants to happen after C has returned."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._cancelled = False
        self._error: BaseException | None = None
        self.callback = llama_progress_callback(self._hear)

    def _hear(self, progress: float, user_data: object) -> bool:
        # An exception cannot cross C: stop loading, and raise it afterwards.
        try:
            go_on = self._on_progress is None or self._on_progress(progress)
        except BaseException as error:
            self._error = error
            return False
        self._cancelled = not go_on
        return go_on

    def raise_if_stopped(self, path: StrPath) -> None:
        if self._error:
            raise self._error
        if self._cancelled:
            raise LoadCancelled(f"loading {Path(path).name} was cancelled")
