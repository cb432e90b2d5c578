"""Loading: which libraries are refused, and what the names in raw/ are before and after.

A process loads libllama once, so whatever depends on a first load runs in a process of its own.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llama_ctypes import abi
from llama_ctypes import library
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import ref
from llama_ctypes.declare import DECLARATIONS
from llama_ctypes.declare import Declarations
from llama_ctypes.errors import LibraryError
from llama_ctypes.library import Library
from llama_ctypes.raw import backend
from llama_ctypes.raw import batch
from llama_ctypes.raw import cpu
from llama_ctypes.raw import ggml
from llama_ctypes.raw import model
from llama_ctypes.raw import mtmd
from llama_ctypes.raw import sampler
from llama_ctypes.raw import system
from llama_ctypes.raw import vocab
from llama_ctypes.raw.sampler_i import llama_sampler_i
from llama_ctypes.raw.sampler_i import llama_sampler_i_apply
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_token_data
from llama_ctypes.raw.types import llama_token_data_array
from tests.abi.headers import ROOT

KEEPS_GIL = 4  # ctypes: FUNCFLAG_PYTHONAPI
NAMES = ("ggml-base", "ggml", "llama", "mtmd")
PARAMS = ("llama_model_default_params", "llama_context_default_params")


@pytest.fixture(scope="module")
def built() -> Library:
    """The libraries that ./build_native.sh installed."""
    if not any(library.DIRECTORY.glob("libllama.*")) and not os.environ.get("CI"):
        pytest.skip("no libllama: run ./build_native.sh")
    return library.load()


def is_bare(function: object) -> bool:
    """Whether it is a ctypes function, called without Python in between."""
    return "CFuncPtr" in [each.__name__ for each in type(function).__mro__]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(directory: Path) -> str:
    """The message with which loading from `directory` fails."""
    result = python(
        "from llama_ctypes import library\n"
        "try:\n    library.load()\n"
        "except library.LibraryError as error:\n    print(error)",
        LLAMA_CPP_LIB=str(directory),
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def make_libraries(directory: Path, code: str) -> None:
    """Stamped libraries, of which libllama is compiled from `code` and the others are empty."""
    for name in NAMES:
        path = directory / f"lib{name}{library.SUFFIX}"
        command = ["cc", "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", str(path)]
        subprocess.run(command, input=code if name == "llama" else "", text=True, check=True)
    abi.write_stamp(directory, "0c1e57098")


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"there is no libllama in {tmp_path}; run ./build_native.sh"


def test_libraries_without_a_stamp_are_refused(tmp_path: Path) -> None:
    (tmp_path / f"libllama{library.SUFFIX}").touch()
    assert refusal(tmp_path) == (
        f"{tmp_path / 'ABI'} is missing or unreadable; run ./build_native.sh"
    )


def test_a_stamp_for_other_declarations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ABI").write_text("commit 0c1e57098 probe 00ff")
    assert refusal(tmp_path) == (
        "declarations changed since libllama was built; run ./build_native.sh"
    )


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    abi.write_stamp(tmp_path, "0c1e57098")
    (tmp_path / f"libggml-base{library.SUFFIX}").write_bytes(b"no library")
    assert f"{tmp_path / 'libggml-base'}{library.SUFFIX} can't be loaded" in refusal(tmp_path)


def test_all_missing_functions_are_listed_at_once(tmp_path: Path, compiler: None) -> None:
    make_libraries(tmp_path, "int llama_decode;")
    required = [name for name, each in DECLARATIONS.functions.items() if not each.backend]
    required.remove("llama_decode")
    assert refusal(tmp_path) == (
        f"the libraries in {tmp_path} lack {', '.join(required)}; run ./build_native.sh"
    )


def test_other_defaults_than_known_are_refused(tmp_path: Path, compiler: None) -> None:
    symbols = "".join(f"int {name};" for name in DECLARATIONS.functions if name not in PARAMS)
    for name in PARAMS:
        size = ctypes.sizeof(DECLARATIONS.functions[name].signature.result.ctype)
        tag = f"struct {name}_result"
        symbols += f"{tag} {{ char b[{size}]; }}; {tag} {name}(void) {{ return ({tag}){{{{0}}}}; }}"
    make_libraries(tmp_path, symbols)
    assert "has other defaults for n_gpu_layers, split_mode, use_extra_bufts" in refusal(tmp_path)


def test_importing_loads_nothing_and_reads_no_variable() -> None:
    result = python(
        "from llama_ctypes import library, raw; print(library.loaded())",
        LLAMA_CPP_LIB="/no/such/directory",
    )
    assert (result.stdout, result.stderr) == ("None\n", "")


def test_declarations_do_not_import_numpy() -> None:
    result = python(
        "import sys; from llama_ctypes import library, raw; print('numpy' in sys.modules)"
    )
    assert result.stdout == "False\n"


def test_the_first_call_loads_the_library(built: Library) -> None:
    result = python(
        "from llama_ctypes import library\n"
        "from llama_ctypes.raw.system import llama_max_devices\n"
        "print(llama_max_devices() > 0, library.loaded() is not None)"
    )
    assert (result.stdout, result.stderr) == ("True True\n", "")


def test_a_name_imported_before_loading_keeps_working(built: Library) -> None:
    result = python(
        "from llama_ctypes.raw.system import llama_max_devices as before\n"
        "from llama_ctypes.raw import system\n"
        "assert before() == system.llama_max_devices()\n"
        "print(before is not system.llama_max_devices)"
    )
    assert (result.stdout, result.stderr) == ("True\n", "")


def test_after_loading_a_name_in_raw_is_the_ctypes_function(built: Library) -> None:
    assert is_bare(vocab.llama_vocab_n_tokens)


def test_the_library_says_which_commit_it_is(built: Library) -> None:
    stamp = abi.read_stamp(built.directory)
    assert stamp is not None
    assert built.commit == stamp.commit


def test_loading_again_gives_the_same_library(built: Library) -> None:
    assert library.load() is built is library.loaded()


def test_another_directory_is_refused_once_loaded(built: Library, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="can't load another"):
        library.load(tmp_path)


def test_every_declared_function_is_bound(built: Library) -> None:
    lazy = [each for each in DECLARATIONS.functions.values() if each.backend]
    bound = [each for each in DECLARATIONS.functions.values() if each not in lazy]
    assert all(is_bare(each.pointer) for each in bound)


def test_short_calls_keep_the_gil_and_long_ones_release_it(built: Library) -> None:
    assert vocab.llama_vocab_n_tokens._flags_ & KEEPS_GIL  # type: ignore[attr-defined]
    assert not batch.llama_decode._flags_ & KEEPS_GIL  # type: ignore[attr-defined]


def test_a_handle_of_another_kind_is_refused(built: Library) -> None:
    context = ctypes.POINTER(llama_context)()
    with pytest.raises(ctypes.ArgumentError, match="llama_vocab"):
        vocab.llama_vocab_n_tokens(context)


def test_defaults_are_those_of_the_pinned_version(built: Library) -> None:
    params = model.llama_context_default_params()
    assert (params.n_ctx, params.n_ubatch, params.n_seq_max, params.swa_full) == (512, 512, 1, True)
    assert params.yarn_beta_slow == -1.0
    assert not params.ctx_other


def test_a_struct_passes_by_value_and_comes_back(built: Library) -> None:
    made = batch.llama_batch_init(4, 0, 1)
    made.token[3] = 42
    assert (made.token[3], bool(made.embd)) == (42, False)
    batch.llama_batch_free(made)


def test_every_type_has_its_name(built: Library) -> None:
    for name, value in ggml.ggml_type.__members__.items():
        if name != "GGML_TYPE_COUNT":
            spelled = ggml.ggml_type_name(value) or b""
            assert name == f"GGML_TYPE_{spelled.decode().upper()}"


def test_c_calls_a_sampler_written_in_python(built: Library) -> None:
    def select_second(smpl: int | None, candidates: Ptr[llama_token_data_array]) -> None:
        candidates[0].selected = 1

    interface = llama_sampler_i(apply=llama_sampler_i_apply(select_second))
    made = sampler.llama_sampler_init(ref(interface), None)
    tokens = (llama_token_data * 2)(llama_token_data(5, 1.0, 0.0), llama_token_data(6, 0.5, 0.0))
    candidates = llama_token_data_array(data=tokens, size=2, selected=-1)
    sampler.llama_sampler_apply(made, ref(candidates))
    sampler.llama_sampler_free(made)
    assert candidates.data[candidates.selected].id == 6


def test_memory_passes_as_bytes_and_comes_back_as_an_address(built: Library) -> None:
    bitmap = mtmd.mtmd_bitmap_init(1, 2, b"RGBrgb")
    copy = ctypes.string_at(mtmd.mtmd_bitmap_get_data(bitmap) or 0, 6)
    mtmd.mtmd_bitmap_free(bitmap)
    assert copy == b"RGBrgb"


def test_the_registry_has_a_cpu(built: Library) -> None:
    devices = [backend.ggml_backend_dev_get(i) for i in range(backend.ggml_backend_dev_count())]
    assert b"CPU" in [backend.ggml_backend_dev_name(device) for device in devices]


def test_a_function_of_a_backend_is_found_through_the_registry(built: Library) -> None:
    function = DECLARATIONS.functions["ggml_threadpool_new"]
    start = built.backend_symbol(function, "CPU")
    pool = start(ref(ggml.ggml_threadpool_params_default(1)))
    assert pool
    cpu.ggml_threadpool_free(pool)


def test_a_backend_that_the_build_lacks_is_named_with_its_option(built: Library) -> None:
    registry = Declarations()

    @registry.c_function(backend="ABACUS")
    def ggml_abacus_count() -> Int32:
        raise NotImplementedError

    with pytest.raises(LibraryError, match=r"build_native\.sh -DGGML_ABACUS=ON"):
        built.resolve(registry.functions["ggml_abacus_count"])


def test_the_version_is_text(built: Library) -> None:
    version = system.llama_version()
    assert version is not None
    assert version[:1].isdigit()
