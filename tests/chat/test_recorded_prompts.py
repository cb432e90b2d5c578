"""The same requests as llama-server got: the same prompts, the same refusals."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest

from server.chat.errors import ChatError
from server.chat.template import CHATML
from server.chat.template import ChatTemplate
from tests.chat.recorded import Case
from tests.chat.recorded import apply_template_cases
from tests.chat.recorded import prompt_of

KINDER = {
    "reasoning_content null": "null is as good as absent",
    "name null": "null is as good as absent",
}
CASES = apply_template_cases()
ACCEPTED = [pytest.param(case, id=case.name) for case in CASES if case.prompts]
REFUSED = [
    pytest.param(case, id=case.name)
    for case in CASES
    if not case.prompts and case.name not in KINDER
]
TAKEN = [pytest.param(case, id=case.name) for case in CASES if case.name in KINDER]


@pytest.fixture(scope="module")
def smollm2_template(smollm2_path: Path) -> ChatTemplate:
    field = gguf.GGUFReader(smollm2_path).fields["tokenizer.chat_template"]
    return ChatTemplate(field.contents(), bos_token="<|im_start|>", eos_token="<|im_end|>")


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_model_without_a_template_gets_the_reference_prompt(case: Case) -> None:
    template = ChatTemplate(CHATML, bos_token="<s>", eos_token="</s>", add_bos=True)
    assert prompt_of(template, case.body) == case.prompts["chatml"]


@pytest.mark.model
@pytest.mark.parametrize("case", ACCEPTED)
def test_smollm2_gets_the_reference_prompt(smollm2_template: ChatTemplate, case: Case) -> None:
    assert prompt_of(smollm2_template, case.body) == case.prompts["smollm2"]


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_reference_refuses_is_refused(case: Case) -> None:
    with pytest.raises(ChatError):
        prompt_of(ChatTemplate(CHATML), case.body)


@pytest.mark.parametrize("case", TAKEN)
def test_where_we_are_kinder_there_is_a_prompt(case: Case) -> None:
    assert case.status >= 400
    assert prompt_of(ChatTemplate(CHATML), case.body)
