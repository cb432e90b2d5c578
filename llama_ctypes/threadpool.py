"""Threads of one's own for a context to compute on. ggml-cpu.h: ggml_threadpool_*

Without one, a context starts its own threads. Knows no context; Context.attach_threadpool does.
"""

from __future__ import annotations

from llama_ctypes import runtime
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import ref
from llama_ctypes.errors import ContextError
from llama_ctypes.handle import Handle
from llama_ctypes.raw import cpu
from llama_ctypes.raw import ggml
from llama_ctypes.raw.ggml import ggml_threadpool
from llama_ctypes.raw.ggml import ggml_threadpool_params


class Threadpool(Handle[ggml_threadpool]):
    """Owner of a ggml thread pool; contexts that it is attached to keep it from being freed."""

    noun = "thread pool"

    def __init__(self, params: ggml_threadpool_params) -> None:
        """Start the threads. ContextError when the system refuses them."""
        runtime.start()
        pointer = cpu.ggml_threadpool_new(ref(params))
        if not pointer:
            raise ContextError(f"no thread pool of {params.n_threads} threads could be started")
        super().__init__(pointer)
        self.n_threads: int = params.n_threads

    @staticmethod
    def default_params(n_threads: int) -> ggml_threadpool_params:
        """The defaults, to be changed and passed on."""
        return ggml.ggml_threadpool_params_default(n_threads)

    def pause(self) -> None:
        """Put the threads to sleep until resume() or the next computation."""
        cpu.ggml_threadpool_pause(self.ptr)

    def resume(self) -> None:
        """Wake the threads."""
        cpu.ggml_threadpool_resume(self.ptr)

    def _dispose(self, pointer: Ptr[ggml_threadpool]) -> None:
        cpu.ggml_threadpool_free(pointer)
