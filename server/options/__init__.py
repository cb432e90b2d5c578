"""THE option table: one row for each option of the server, and what is derived from it.

The rows are data (one module for each section); `resolve` turns arguments, environment and
presets into `Settings`. Nothing here knows the engine, HTTP or how the process is run. Answers to
llama.cpp common/arg.cpp and common/preset.cpp.
"""

from __future__ import annotations
