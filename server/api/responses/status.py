"""What may become of a response, in OpenAI's words."""

from __future__ import annotations

QUEUED, IN_PROGRESS = "queued", "in_progress"
COMPLETED, INCOMPLETE, FAILED, CANCELLED = "completed", "incomplete", "failed", "cancelled"
OVER = frozenset({COMPLETED, INCOMPLETE, FAILED, CANCELLED})
