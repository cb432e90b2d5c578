"""Where weights come from: files on disk, packages, later downloads and the router.

Knows file formats and paths; never imports the engine.
"""

from __future__ import annotations
