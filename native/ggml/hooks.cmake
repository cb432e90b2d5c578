# Read by CMake after ggml's project() (CMAKE_PROJECT_ggml_INCLUDE in compile.sh): what is compiled into ggml besides
# its own code. No file of llama.cpp is changed.
add_compile_options("$<$<COMPILE_LANGUAGE:C>:SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/yield.h\">")

# Attention on processors finds the cells that a row sees by masked.h. The statement goes into a copy of ops.cpp, at the
# one place where a masked cell is passed over, and the copy is compiled in its stead.
set(LLAMACTL_MASKED_H "${CMAKE_CURRENT_LIST_DIR}/masked.h")
set(LLAMACTL_MASKED_CELL "if (mv == -INFINITY) {")

function(llamactl_pass_masked_cells)
  set(original "${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-cpu/ops.cpp")
  set(copy "${CMAKE_BINARY_DIR}/llamactl/ops.cpp")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${original}")
  file(READ "${original}" code)
  string(REPLACE "${LLAMACTL_MASKED_CELL}" "" without "${code}")
  string(LENGTH "${LLAMACTL_MASKED_CELL}" n_place)
  string(LENGTH "${code}" n_code)
  string(LENGTH "${without}" n_without)
  math(EXPR n_removed "${n_code} - ${n_without}")
  if(NOT n_removed EQUAL n_place)
    message(WARNING "llamactl: this ggml passes masked cells over in another way; it is compiled as it is")
    return()
  endif()
  string(REPLACE "${LLAMACTL_MASKED_CELL}"
    "${LLAMACTL_MASKED_CELL} ic = llamactl_next_seen((const uint16_t *) mp, ic, ic_end) - 1;" code "${code}")
  set(code "#include \"${LLAMACTL_MASKED_H}\"\n#line 1 \"${original}\"\n${code}")
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
    if("ggml-cpu/ops.cpp" IN_LIST sources)
      list(TRANSFORM sources REPLACE "^ggml-cpu/ops\\.cpp$" "${copy}")
      set_property(TARGET "${target}" PROPERTY SOURCES "${sources}")
    endif()
  endforeach()
endfunction()

# the targets are there once ggml's own lists were read
cmake_language(DEFER CALL llamactl_pass_masked_cells)
