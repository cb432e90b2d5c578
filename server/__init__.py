"""llamactl: an inference server for GGUF models that speaks llama-server's API."""
