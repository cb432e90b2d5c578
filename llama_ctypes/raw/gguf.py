# mypy: disable-error-code="empty-body"
"""gguf.h: reading the metadata of model files.

Not here: writing, which the `gguf` package from PyPI does. Asking a key for another type than it
has aborts the process: look at its type first.
"""

from __future__ import annotations

from ctypes import Structure
from enum import IntEnum

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Constant
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import ConstVoidPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import Double
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int8
from llama_ctypes.ctype import Int16
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt8
from llama_ctypes.ctype import UInt16
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import UInt64
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.ggml import ggml_context
from llama_ctypes.raw.ggml import ggml_type

GGUF_VERSION: Constant = 3
GGUF_DEFAULT_ALIGNMENT: Constant = 32


class gguf_context(Opaque):
    """The metadata of one file."""


@c_enum
class gguf_type(IntEnum):
    """Types of metadata values."""

    GGUF_TYPE_UINT8 = 0
    GGUF_TYPE_INT8 = 1
    GGUF_TYPE_UINT16 = 2
    GGUF_TYPE_INT16 = 3
    GGUF_TYPE_UINT32 = 4
    GGUF_TYPE_INT32 = 5
    GGUF_TYPE_FLOAT32 = 6
    GGUF_TYPE_BOOL = 7
    GGUF_TYPE_STRING = 8
    GGUF_TYPE_ARRAY = 9
    GGUF_TYPE_UINT64 = 10
    GGUF_TYPE_INT64 = 11
    GGUF_TYPE_FLOAT64 = 12
    GGUF_TYPE_COUNT = 13


@c_struct
class gguf_init_params(Structure):
    """How a file is opened. gguf.h: struct gguf_init_params"""

    no_alloc: Bool
    ctx: Ptr[Ptr[ggml_context]]


@c_function
def gguf_init_empty() -> Ptr[gguf_context]:
    """An empty set of metadata."""


@c_function(releases_gil=True)
def gguf_init_from_file(fname: CStr, params: gguf_init_params) -> Ptr[gguf_context]:
    """Read the metadata of a file; NULL on failure."""


@c_function
def gguf_free(ctx: Ptr[gguf_context]) -> None:
    """Free the metadata."""


@c_function
def gguf_type_name(type: EnumOf[gguf_type]) -> CStr:
    """The type's name."""


@c_function
def gguf_get_version(ctx: ConstPtr[gguf_context]) -> UInt32:
    """Version of the format."""


@c_function
def gguf_get_alignment(ctx: ConstPtr[gguf_context]) -> Size:
    """Alignment of the data in bytes."""


@c_function
def gguf_get_data_offset(ctx: ConstPtr[gguf_context]) -> Size:
    """Offset of the data in bytes."""


@c_function
def gguf_get_n_kv(ctx: ConstPtr[gguf_context]) -> Int64:
    """Keys."""


@c_function
def gguf_find_key(ctx: ConstPtr[gguf_context], key: CStr) -> Int64:
    """Index of a key, or -1."""


@c_function
def gguf_get_key(ctx: ConstPtr[gguf_context], key_id: Int64) -> CStr:
    """Key `key_id`."""


@c_function
def gguf_get_kv_type(ctx: ConstPtr[gguf_context], key_id: Int64) -> EnumOf[gguf_type]:
    """Type of its value."""


@c_function
def gguf_get_arr_type(ctx: ConstPtr[gguf_context], key_id: Int64) -> EnumOf[gguf_type]:
    """Type of the elements, if the value is an array."""


@c_function
def gguf_get_val_u8(ctx: ConstPtr[gguf_context], key_id: Int64) -> UInt8:
    """An unsigned 8 bit value."""


@c_function
def gguf_get_val_i8(ctx: ConstPtr[gguf_context], key_id: Int64) -> Int8:
    """A signed 8 bit value."""


@c_function
def gguf_get_val_u16(ctx: ConstPtr[gguf_context], key_id: Int64) -> UInt16:
    """An unsigned 16 bit value."""


@c_function
def gguf_get_val_i16(ctx: ConstPtr[gguf_context], key_id: Int64) -> Int16:
    """A signed 16 bit value."""


@c_function
def gguf_get_val_u32(ctx: ConstPtr[gguf_context], key_id: Int64) -> UInt32:
    """An unsigned 32 bit value."""


@c_function
def gguf_get_val_i32(ctx: ConstPtr[gguf_context], key_id: Int64) -> Int32:
    """A signed 32 bit value."""


@c_function
def gguf_get_val_f32(ctx: ConstPtr[gguf_context], key_id: Int64) -> Float:
    """A 32 bit float."""


@c_function
def gguf_get_val_u64(ctx: ConstPtr[gguf_context], key_id: Int64) -> UInt64:
    """An unsigned 64 bit value."""


@c_function
def gguf_get_val_i64(ctx: ConstPtr[gguf_context], key_id: Int64) -> Int64:
    """A signed 64 bit value."""


@c_function
def gguf_get_val_f64(ctx: ConstPtr[gguf_context], key_id: Int64) -> Double:
    """A 64 bit float."""


@c_function
def gguf_get_val_bool(ctx: ConstPtr[gguf_context], key_id: Int64) -> Bool:
    """A boolean."""


@c_function
def gguf_get_val_str(ctx: ConstPtr[gguf_context], key_id: Int64) -> CStr:
    """A string, valid until the metadata is freed."""


@c_function
def gguf_get_val_data(ctx: ConstPtr[gguf_context], key_id: Int64) -> ConstVoidPtr:
    """Address of a value of any fixed size."""


@c_function
def gguf_get_arr_n(ctx: ConstPtr[gguf_context], key_id: Int64) -> Size:
    """Elements of an array."""


@c_function
def gguf_get_arr_data(ctx: ConstPtr[gguf_context], key_id: Int64) -> ConstVoidPtr:
    """Address of an array of numbers; booleans are int8."""


@c_function
def gguf_get_arr_str(ctx: ConstPtr[gguf_context], key_id: Int64, i: Size) -> CStr:
    """String `i` of an array."""


@c_function
def gguf_get_n_tensors(ctx: ConstPtr[gguf_context]) -> Int64:
    """Tensors."""


@c_function
def gguf_find_tensor(ctx: ConstPtr[gguf_context], name: CStr) -> Int64:
    """Index of a tensor, or -1."""


@c_function
def gguf_get_tensor_offset(ctx: ConstPtr[gguf_context], tensor_id: Int64) -> Size:
    """Its offset in the data, in bytes."""


@c_function
def gguf_get_tensor_name(ctx: ConstPtr[gguf_context], tensor_id: Int64) -> CStr:
    """Its name."""


@c_function
def gguf_get_tensor_ne(ctx: ConstPtr[gguf_context], tensor_id: Int64) -> ConstPtr[Int64]:
    """Its shape, GGML_MAX_DIMS numbers."""


@c_function
def gguf_get_tensor_type(ctx: ConstPtr[gguf_context], tensor_id: Int64) -> EnumOf[ggml_type]:
    """Its element type."""


@c_function
def gguf_get_tensor_size(ctx: ConstPtr[gguf_context], tensor_id: Int64) -> Size:
    """Its bytes."""
