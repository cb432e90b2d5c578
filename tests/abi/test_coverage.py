"""Nothing in the headers is forgotten: it is declared, or listed here with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama_ctypes import abi
from llama_ctypes import raw
from llama_ctypes.declare import DECLARATIONS
from tests.abi.headers import Header

# Headers whose functions, enums, structs and callbacks are declared without exception.
WHOLE = ("include/llama.h", "tools/mtmd/mtmd.h", "tools/mtmd/mtmd-helper.h")
# Headers of which a server needs a part. ggml-alloc.h, ggml-opt.h and the headers of single GPU
# backends are not listed: graph allocation, training, and what the device registry gives access to.
PARTLY = tuple(
    f"ggml/include/{name}"
    for name in ("ggml.h", "ggml-backend.h", "ggml-cpu.h", "ggml-rpc.h", "gguf.h")
)

# libllama builds and computes all graphs: what takes one of these is not for its callers.
GRAPH_TYPES = ("ggml_tensor", "ggml_context", "ggml_cgraph")

REASONS = {
    "a test function of mtmd itself": "mtmd_test_create_input_chunks",
    "aborts the process; variadic": "ggml_abort",
    "declared in C, but defined nowhere": "ggml_threadpool_get_n_threads",
    "conversions that numpy has": """
        ggml_fp16_to_fp32 ggml_fp32_to_fp16 ggml_fp16_to_fp32_row ggml_fp32_to_fp16_row
        ggml_fp32_to_bf16 ggml_bf16_to_fp32 ggml_bf16_to_fp32_row ggml_fp32_to_bf16_row_ref
        ggml_fp32_to_bf16_row ggml_cpu_fp32_to_fp32 ggml_cpu_fp32_to_i32 ggml_cpu_fp32_to_fp16
        ggml_cpu_fp16_to_fp32 ggml_cpu_fp32_to_bf16 ggml_cpu_bf16_to_fp32""",
    "Python has its own": "ggml_fopen ggml_cycles ggml_cycles_per_ms",
    "names and sizes of graph parts": """
        ggml_guid_matches ggml_print_object ggml_op_name ggml_op_symbol ggml_unary_op_name
        ggml_glu_op_name ggml_tensor_overhead ggml_graph_overhead ggml_graph_overhead_custom
        ggml_rope_yarn_corr_dims ggml_backend_meta_split_axis_name""",
    "weights are quantised by llama_model_quantize()": """
        ggml_ftype_to_ggml_type ggml_validate_row_data ggml_quantize_init ggml_quantize_free
        ggml_quantize_chunk ggml_get_type_traits ggml_get_type_traits_cpu""",
    "a context owns its backends, buffers, events and scheduler": """
        ggml_backend_buft_alloc_buffer ggml_backend_buffer_name ggml_backend_buffer_free
        ggml_backend_buffer_get_base ggml_backend_buffer_get_size ggml_backend_buffer_get_alignment
        ggml_backend_buffer_get_max_size ggml_backend_buffer_clear ggml_backend_buffer_is_host
        ggml_backend_buffer_set_usage ggml_backend_buffer_get_usage ggml_backend_buffer_get_type
        ggml_backend_buffer_reset ggml_backend_guid ggml_backend_name ggml_backend_free
        ggml_backend_get_default_buffer_type ggml_backend_alloc_buffer ggml_backend_get_alignment
        ggml_backend_get_max_size ggml_backend_synchronize ggml_backend_graph_plan_free
        ggml_backend_graph_plan_compute ggml_backend_supports_buft ggml_backend_get_device
        ggml_backend_event_new ggml_backend_event_free ggml_backend_event_record
        ggml_backend_event_synchronize ggml_backend_event_wait ggml_backend_dev_init
        ggml_backend_dev_buffer_from_host_ptr ggml_backend_dev_supports_buft
        ggml_backend_init_by_name ggml_backend_init_by_type ggml_backend_init_best
        ggml_backend_sched_new ggml_backend_sched_free ggml_backend_sched_get_n_backends
        ggml_backend_sched_get_backend ggml_backend_sched_get_n_splits
        ggml_backend_sched_get_n_copies ggml_backend_sched_get_buffer_type
        ggml_backend_sched_get_buffer_size ggml_backend_sched_synchronize ggml_backend_sched_reset
        ggml_backend_sched_set_eval_callback ggml_backend_meta_device ggml_backend_graph_copy_free
        ggml_backend_cpu_buffer_from_ptr ggml_backend_cpu_init ggml_backend_is_cpu
        ggml_backend_cpu_set_n_threads ggml_backend_cpu_set_threadpool
        ggml_backend_cpu_set_abort_callback ggml_backend_cpu_set_use_ref ggml_backend_rpc_init
        ggml_backend_is_rpc ggml_backend_rpc_buffer_type""",
    "models come from files": """
        gguf_init_from_file_ptr gguf_init_from_buffer gguf_init_from_callback""",
    "the gguf package writes files": """
        gguf_remove_key gguf_set_val_u8 gguf_set_val_i8 gguf_set_val_u16 gguf_set_val_i16
        gguf_set_val_u32 gguf_set_val_i32 gguf_set_val_f32 gguf_set_val_u64 gguf_set_val_i64
        gguf_set_val_f64 gguf_set_val_bool gguf_set_val_str gguf_set_arr_data gguf_set_arr_str
        gguf_set_kv gguf_set_tensor_type gguf_set_tensor_data gguf_write_to_file_ptr
        gguf_write_to_file gguf_get_meta_size gguf_get_meta_data""",
}
NOT_BOUND = {name: reason for reason, names in REASONS.items() for name in names.split()}


def parse(source: Path, path: str) -> Header:
    return Header.parse((source / path).read_text(encoding="utf-8"))


def forgotten(header: Header) -> list[str]:
    """Functions that are neither declared, nor excused, nor about graphs."""
    return [
        name
        for name, prototype in header.functions.items()
        if name not in DECLARATIONS.functions
        and name not in NOT_BOUND
        and not any(graph_type in prototype for graph_type in GRAPH_TYPES)
    ]


@pytest.mark.parametrize("path", [*WHOLE, *PARTLY])
def test_every_function_of_a_header_is_declared_or_excused(path: str, source: Path) -> None:
    assert forgotten(parse(source, path)) == []


@pytest.mark.parametrize("path", WHOLE)
def test_a_header_that_is_declared_whole_is_excused_nothing_about_graphs(
    path: str, source: Path
) -> None:
    functions = set(parse(source, path).functions)
    assert functions - set(NOT_BOUND) <= set(DECLARATIONS.functions)


def test_a_new_function_would_be_noticed() -> None:
    header = Header.parse("LLAMA_API int32_t llama_brand_new(\n    struct llama_model * model);")
    assert forgotten(header) == ["llama_brand_new"]


def test_every_excuse_is_for_a_function_that_a_header_has(source: Path) -> None:
    known = {name for path in (*WHOLE, *PARTLY) for name in parse(source, path).functions}
    assert set(NOT_BOUND) <= known


def test_nothing_is_both_declared_and_excused() -> None:
    assert set(NOT_BOUND).isdisjoint(DECLARATIONS.functions)


def test_nothing_deprecated_is_declared(source: Path) -> None:
    current = {name for path in (*WHOLE, *PARTLY) for name in parse(source, path).functions}
    assert set(DECLARATIONS.functions) <= current


@pytest.mark.parametrize("path", [*WHOLE, *PARTLY])
def test_every_value_of_a_declared_enum_is_there(path: str, source: Path) -> None:
    declared = DECLARATIONS.enums
    for name, members in parse(source, path).enums.items():
        if name in declared:
            assert list(declared[name].type.__members__) == members


@pytest.mark.parametrize("path", WHOLE)
def test_every_enum_is_declared(path: str, source: Path) -> None:
    assert set(parse(source, path).enums) <= set(DECLARATIONS.enums)


@pytest.mark.parametrize("path", WHOLE)
def test_every_struct_is_declared(path: str, source: Path) -> None:
    assert set(parse(source, path).structs) <= set(DECLARATIONS.structs)


@pytest.mark.parametrize("path", [*WHOLE, *PARTLY])
def test_every_field_of_a_declared_struct_is_there(path: str, source: Path) -> None:
    # the compiler would not miss a field that lies in what is padding here
    declared = DECLARATIONS.structs
    for name, fields in parse(source, path).structs.items():
        if name in declared:
            assert [member.name for member in declared[name].members] == fields


@pytest.mark.parametrize("path", WHOLE)
def test_every_callback_type_is_declared(path: str, source: Path) -> None:
    assert parse(source, path).callbacks <= set(DECLARATIONS.callbacks)


@pytest.mark.parametrize("path", WHOLE)
def test_every_constant_is_declared(path: str, source: Path) -> None:
    declared = {check.name for check in abi.constant_checks(raw)}
    assert parse(source, path).macros <= declared


def test_the_header_reader_finds_the_fields() -> None:
    text = """
        struct s {
            int a[N / sizeof(b)]; const char * (*call)(int x, struct t * y);
            union { long c; char d[8]; };
            struct t ** e;
        };
        struct u { bool f; };"""
    assert Header.parse(text).structs == {"s": ["a", "call", "c", "d", "e"], "u": ["f"]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("LLAMA_API DEPRECATED(size_t old(struct c * x),\n 'use new (instead)');", []),
        (
            "DEPRECATED(LLAMA_API void old(int (*f)(int)), 'gone');LLAMA_API void new(void);",
            ["new"],
        ),
        ("#ifdef __cplusplus\nMTMD_API void cpp(std::string s);\n#endif\n", []),
        ("#ifdef __cplusplus\n#else\nMTMD_API void c(void);\n#endif\n", ["c"]),
        ("// LLAMA_API void commented(void);\n/* LLAMA_API void\n out(void); */", []),
        ("    LLAMA_API const char * spread  (\n  const struct m * model);", ["spread"]),
    ],
)
def test_the_header_reader_finds_the_functions(text: str, names: list[str]) -> None:
    assert list(Header.parse(text).functions) == names
