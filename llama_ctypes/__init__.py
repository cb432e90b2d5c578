"""libllama, spoken in Python.

`raw/` declares the C API under its own names; the modules beside it own the C objects, and the main
ones are here too: `from llama_ctypes import Context, Model`. Nothing is loaded and no environment
variable is read on import: `library.load()` or the first object does that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from llama_ctypes.adapter import AdapterLora as AdapterLora
    from llama_ctypes.batch import Batch as Batch
    from llama_ctypes.candidates import TokenDataArray as TokenDataArray
    from llama_ctypes.context import Context as Context
    from llama_ctypes.device import Device as Device
    from llama_ctypes.device import devices as devices
    from llama_ctypes.errors import LlamaError as LlamaError
    from llama_ctypes.media import MediaContext as MediaContext
    from llama_ctypes.memory import Memory as Memory
    from llama_ctypes.model import Model as Model
    from llama_ctypes.sampler import Sampler as Sampler
    from llama_ctypes.sampler import SamplerChain as SamplerChain
    from llama_ctypes.threadpool import Threadpool as Threadpool
    from llama_ctypes.vocab import Vocab as Vocab

# Where each name is. Imported on first use: the build reads the declarations where numpy is not.
_EXPORTS = {
    "AdapterLora": "adapter",
    "Batch": "batch",
    "Context": "context",
    "Device": "device",
    "LlamaError": "errors",
    "MediaContext": "media",
    "Memory": "memory",
    "Model": "model",
    "Sampler": "sampler",
    "SamplerChain": "sampler",
    "Threadpool": "threadpool",
    "TokenDataArray": "candidates",
    "Vocab": "vocab",
    "devices": "device",
}


def __getattr__(name: str) -> Any:
    """The owner called `name`."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    """What can be imported from here."""
    return sorted([*globals(), *_EXPORTS])
