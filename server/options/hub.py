"""Options that name a model by where it can be fetched from, instead of by a file."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.values import flag
from server.values import text

REMOTE = frozenset({Tag.REMOTE_PRESET})

HUB = Section("hub", "Models from elsewhere", (
    Option("model_url", ("-mu", "--model-url"), text, "", "URL", env="LLAMA_ARG_MODEL_URL",
           tags=REMOTE, help="fetch the GGUF file from this URL"),
    Option("docker_repo", ("-dr", "--docker-repo"), text, "", "[REPO/]MODEL[:QUANT]",
           env="LLAMA_ARG_DOCKER_REPO",
           help="fetch the model from Docker Hub; the repository is ai/ and the quantization "
                "latest if they are not named"),
    Option("hf_repo", ("-hf", "-hfr", "--hf-repo"), text, "", "USER/MODEL[:QUANT]",
           env="LLAMA_ARG_HF_REPO", tags=REMOTE,
           help="fetch the model, and its projector if it has one, from this Hugging Face "
                "repository; without a quantization Q4_K_M, or else the first file"),
    Option("hf_file", ("-hff", "--hf-file"), text, "", "FILE", env="LLAMA_ARG_HF_FILE",
           help="the file of --hf-repo to fetch, instead of choosing one by quantization"),
    Option("hf_token", ("-hft", "--hf-token"), text, "", "TOKEN", env="HF_TOKEN",
           tags=frozenset({Tag.SECRET}), help="access token for Hugging Face"),
    Option("offline", ("--offline",), flag, False, env="LLAMA_ARG_OFFLINE",
           help="use what was fetched before, and no network"),
))  # fmt: skip
