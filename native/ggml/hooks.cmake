# Read by CMake after ggml's project() (CMAKE_PROJECT_ggml_INCLUDE in compile.sh): what is compiled into ggml besides
# its own code. No file of llama.cpp is changed.
add_compile_options("$<$<COMPILE_LANGUAGE:C>:SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/yield.h\">")

# Statements go into copies of five files, each at a place that must be found exactly once, and the copies are compiled in
# their stead: attention on processors passes masked cells over by masked.h, takes few rows by attend.h and prepares
# tiles of many by tile.h; GELU is looked up by gelu.h; products of repacked Q4_0 weights on x86 are made by multiply.h,
# those of F16 weights by halves.h (embeddings by fixed.h) and those of Q8_0 weights by bytes.h. Memory is asked for and zeroed by pages.h.
set(LLAMACTL_HERE "${CMAKE_CURRENT_LIST_DIR}")
set(LLAMACTL_MEMALIGN "int result = posix_memalign(&aligned_memory, alignment, size);")
set(LLAMACTL_CLEAR "memset(buffer->context, value, buffer->size);")
set(LLAMACTL_MASKED_CELL "if (mv == -INFINITY) {")
set(LLAMACTL_ONE_CHUNK "static void ggml_compute_forward_flash_attn_ext_f16_one_chunk(")
set(LLAMACTL_ONE_CHUNK_BEGINS "const bool write_partials = (partials != nullptr);")
set(LLAMACTL_TILE_MASK "if (mask) {\n                bool can_skip = true;")
set(LLAMACTL_TILE_KEYS "for (int tk = 0; tk < kv_tile; tk++) {\n                const char * k_data = ")
set(LLAMACTL_GELU "ggml_vec_gelu_f32(nc,")
set(LLAMACTL_SGEMM "bool llamafile_sgemm(const struct ggml_compute_params * params, int64_t m, int64_t n, int64_t k,")
set(LLAMACTL_SGEMM_ONE_ROW "#if !defined(__MMA__)\n    if (n < 2)")
set(LLAMACTL_SGEMM_F16 "case GGML_TYPE_F16: {")
set(LLAMACTL_SGEMM_Q8_0 "case GGML_TYPE_Q8_0: {")
set(LLAMACTL_GEMM "void ggml_gemm_q4_0_8x8_q8_0(int n, float * GGML_RESTRICT s, size_t bs, const void * GGML_RESTRICT vx, const void * GGML_RESTRICT vy, int nr, int nc) {")

string(REPLACE "gemm" "gemv" LLAMACTL_GEMV "${LLAMACTL_GEMM}")

# Puts before and after around the one occurrence of place in the variable, which is emptied if there is not one.
function(llamactl_put variable place before after)
  string(REPLACE "${place}" "" without "${${variable}}")
  string(LENGTH "${place}" n_place)
  string(LENGTH "${${variable}}" n_code)
  string(LENGTH "${without}" n_without)
  math(EXPR n_removed "${n_code} - ${n_without}")
  if(n_removed EQUAL n_place)
    string(REPLACE "${place}" "${before}${place}${after}" changed "${${variable}}")
  else()
    set(changed "")
  endif()
  set(${variable} "${changed}" PARENT_SCOPE)
endfunction()

# Has code compiled, with header included first, in the stead of the file at path, for every target that has it.
function(llamactl_compile_instead path header code)
  set(original "${CMAKE_CURRENT_SOURCE_DIR}/src/${path}")
  string(REPLACE "/" "_" name "${path}")
  set(copy "${CMAKE_BINARY_DIR}/llamactl/${name}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${original}")
  if(code STREQUAL "")
    message(WARNING "llamactl: ${path} is another one in this ggml, so it is compiled as it is, and steps take longer")
    return()
  endif()
  set(code "${header}#line 1 \"${original}\"\n${code}")
  set(before "")
  if(EXISTS "${copy}")
    file(READ "${copy}" before)
  endif()
  if(NOT before STREQUAL code)
    file(WRITE "${copy}" "${code}")
  endif()
  get_property(targets DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/src" PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(sources "${target}" SOURCES)
    if(path IN_LIST sources)
      get_filename_component(folder "${original}" DIRECTORY)
      target_include_directories("${target}" PRIVATE "${folder}")
      list(TRANSFORM sources REPLACE "^${path}$" "${copy}")
      set_property(TARGET "${target}" PROPERTY SOURCES "${sources}")
    endif()
  endforeach()
endfunction()

function(llamactl_change_attention)
  file(READ "${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-cpu/ops.cpp" code)
  llamactl_put(code "${LLAMACTL_MASKED_CELL}" "" " ic = llamactl_next_seen((const uint16_t *) mp, ic, ic_end) - 1;")
  llamactl_put(code "${LLAMACTL_ONE_CHUNK}"
    "#include \"${LLAMACTL_HERE}/attend.h\"\n#include \"${LLAMACTL_HERE}/tile.h\"\n" "")
  llamactl_put(code "${LLAMACTL_ONE_CHUNK_BEGINS}"
    "if (llamactl_attend(params, dst, ir0, ir1, ic_start, ic_end, partials, partial_stride)) { return; } " "")
  llamactl_put(code "${LLAMACTL_TILE_MASK}"
    "bool is_seen = true;
            if (llamactl_take_mask(mask, iq1, iq2, iq3, ic, tile_rows, kv_tile, KV_TILE_SZ, slope, mask32, &is_seen)) {
                if (!is_seen) { continue; }
            } else " "")
  llamactl_put(code "${LLAMACTL_TILE_KEYS}"
    "if (!llamactl_take_keys(k, ic, ik2, ik3, kv_tile, DK, KV_TILE_SZ, K_f32)) " "")
  llamactl_put(code "${LLAMACTL_GELU}" "llamactl_gelu(nc, // instead of " "\n")
  llamactl_compile_instead(ggml-cpu/ops.cpp
    "#include \"${LLAMACTL_HERE}/masked.h\"\n#include \"${LLAMACTL_HERE}/gelu.h\"\n" "${code}")
endfunction()

function(llamactl_change_products)
  file(READ "${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-cpu/arch/x86/repack.cpp" code)
  llamactl_put(code "${LLAMACTL_GEMM}" ""
    " if (llamactl_gemm_q4_0(n, s, bs, vx, vy, nr, nc)) { return; }")
  llamactl_put(code "${LLAMACTL_GEMV}" "#include \"${LLAMACTL_HERE}/multiply.h\"\n"
    " if (llamactl_gemv_q4_0(n, s, bs, vx, vy, nr, nc)) { return; }")
  llamactl_compile_instead(ggml-cpu/arch/x86/repack.cpp "" "${code}")
  file(READ "${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-cpu/llamafile/sgemm.cpp" code)
  llamactl_put(code "${LLAMACTL_SGEMM}"
    "#include \"${LLAMACTL_HERE}/halves.h\"\n#include \"${LLAMACTL_HERE}/bytes.h\"\n" "")
  llamactl_put(code "${LLAMACTL_SGEMM_ONE_ROW}"
    "if (n == 1 && Atype == GGML_TYPE_Q8_0 && Btype == GGML_TYPE_Q8_0 && Ctype == GGML_TYPE_F32
        && llamactl_multiply_q8_0(params->ith, params->nth, m, n, k, A, lda, B, ldb, C, ldc)) { return true; }\n" "")
  llamactl_put(code "${LLAMACTL_SGEMM_F16}" ""
    " if (Btype == GGML_TYPE_F32 && llamactl_multiply_f16(params, m, n, k, A, lda, B, ldb, C, ldc)) { return true; }")
  llamactl_put(code "${LLAMACTL_SGEMM_Q8_0}" ""
    " if (Btype == GGML_TYPE_Q8_0 && llamactl_multiply_q8_0(params->ith, params->nth, m, n, k, A, lda, B, ldb, C, ldc)) { return true; }")
  llamactl_compile_instead(ggml-cpu/llamafile/sgemm.cpp "" "${code}")
endfunction()

function(llamactl_change_memory)
  file(READ "${CMAKE_CURRENT_SOURCE_DIR}/src/ggml.c" code)
  llamactl_put(code "${LLAMACTL_MEMALIGN}" "int result = llamactl_memalign(&aligned_memory, alignment, size); // instead of " "")
  llamactl_compile_instead(ggml.c "#include \"${LLAMACTL_HERE}/pages.h\"\n" "${code}")
  file(READ "${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-backend.cpp" code)
  # what other functions free may be a file that was mapped, or shared with a device
  llamactl_put(code "${LLAMACTL_CLEAR}"
    "if (value != 0 || buffer->iface.free_buffer != ggml_backend_cpu_buffer_free_buffer || !llamactl_forget(buffer->context, buffer->size)) " "")
  llamactl_compile_instead(ggml-backend.cpp "#include \"${LLAMACTL_HERE}/pages.h\"\n" "${code}")
endfunction()

# the targets are there once ggml's own lists were read
cmake_language(DEFER CALL llamactl_change_attention)
cmake_language(DEFER CALL llamactl_change_products)
cmake_language(DEFER CALL llamactl_change_memory)
