"""Options of models that see and hear: the projector file, sizes of images, videos."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.parsers import directory
from server.values import flag
from server.values import integer
from server.values import positive_number
from server.values import text

MEDIA = Section("media", "Images, audio and video", (
    Option("mmproj", ("-mm", "--mmproj"), text, "", "FILE", env="LLAMA_ARG_MMPROJ",
           help="the multimodal projector's GGUF file; --hf-repo finds it by itself"),
    Option("mmproj_url", ("-mmu", "--mmproj-url"), text, "", "URL", env="LLAMA_ARG_MMPROJ_URL",
           tags=frozenset({Tag.REMOTE_PRESET}),
           help="fetch the multimodal projector from this URL"),
    Option("mmproj_auto", ("--mmproj-auto",), flag, True,
           negated=("--no-mmproj", "--no-mmproj-auto"), env="LLAMA_ARG_MMPROJ_AUTO",
           help="use the projector that a repository has beside the model"),
    Option("mmproj_offload", ("--mmproj-offload",), flag, True,
           negated=("--no-mmproj-offload",), env="LLAMA_ARG_MMPROJ_OFFLOAD",
           help="run the projector on the GPU"),
    Option("mmproj_device", ("-mmdev", "--mmproj-device"), text, "", "DEVICE",
           env="MTMD_BACKEND_DEVICE", shown_default="the first of --device",
           help="the device that runs the projector; none = the CPU"),
    Option("image_min_tokens", ("--image-min-tokens",), integer, -1, "N",
           env="LLAMA_ARG_IMAGE_MIN_TOKENS", shown_default="from the model",
           help="the least tokens of an image, for models with a dynamic resolution"),
    Option("image_max_tokens", ("--image-max-tokens",), integer, -1, "N",
           env="LLAMA_ARG_IMAGE_MAX_TOKENS", shown_default="from the model",
           help="the most tokens of an image, for models with a dynamic resolution"),
    Option("media_batch_tokens", ("--mtmd-batch-max-tokens",), integer, 1024, "N",
           env="LLAMA_ARG_MTMD_BATCH_MAX_TOKENS",
           help="the most tokens of images that are encoded at once"),
    Option("video_fps", ("--video-fps",), positive_number, 4.0, "N", env="LLAMA_ARG_VIDEO_FPS",
           help="frames that are looked at in each second of a video"),
    Option("video_timestamp_interval_ms", ("--video-timestamp-interval",), integer, 5000, "MS",
           env="LLAMA_ARG_VIDEO_TIMESTAMP_INTERVAL",
           help="milliseconds of a video between two timestamps in the prompt"),
    Option("video_ffmpeg_dir", ("--video-ffmpeg-dir",), text, "", "DIR",
           env="LLAMA_ARG_VIDEO_FFMPEG_DIR", shown_default="found by PATH",
           help="where ffmpeg and ffprobe are"),
    Option("media_path", ("--media-path",), directory, "", "DIR",
           help="directory below which file:// URLs of requests are read; without it, none are"),
))  # fmt: skip
