"""Where our answers differ from llama-server's, case by case, and why. The only such list.

Every line is checked both ways: a difference that is not listed fails, and so does a listed one
that is gone. `decision` names a page of docs/decisions; `issue` names what is still to be built.
"""

from __future__ import annotations

from tests.compat.differs.answers import ANSWERS
from tests.compat.differs.messages import MESSAGES
from tests.compat.differs.refusals import REFUSALS
from tests.compat.differs.responses import RESPONSES

DIFFERS = ANSWERS + REFUSALS + MESSAGES + RESPONSES
