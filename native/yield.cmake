# Read by CMake after ggml's project() (CMAKE_PROJECT_ggml_INCLUDE in compile.sh).
add_compile_options("$<$<COMPILE_LANGUAGE:C>:SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/yield.h\">")
