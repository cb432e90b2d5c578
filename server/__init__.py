"""An inference server for GGUF models that speaks llama-server's HTTP dialects.

The rooms and the direction of their imports are fixed in docs/architecture.md and checked by
tests/layers. This module holds the version and imports nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"
