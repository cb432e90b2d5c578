# ggml's RPC server, which offers this machine's devices to llamactl serve --rpc on another one. Sourced by
# build_native.sh. One file of llama.cpp, linked with the libraries that are installed: it is no part of their build, so
# that asking for it compiles nothing else.

build_rpc_server() {
  local code=$source/tools/rpc/rpc-server.cpp program=$build/rpc-server/ggml-rpc-server
  [ -e "$lib/libggml-rpc.so" ] || [ -e "$lib/libggml-rpc.dylib" ] ||
    die "--rpc-server: the libraries were built without RPC; leave -DGGML_RPC=OFF out"
  [ -f "$code" ] || die "--rpc-server: this llama.cpp has no tools/rpc/rpc-server.cpp"
  if [ ! -x "$program" ] || [ "$code" -nt "$program" ]; then
    say "compiling ggml-rpc-server"
    mkdir -p "${program%/*}"
    $cxx ${CXXFLAGS:-} -std=c++17 -O2 -pthread -I"$source/ggml/include" "$code" -o "$program.$$" \
      -L"$lib" -lggml -lggml-base "-Wl,-rpath,$(rpath_of_self)" ${LDFLAGS:-} ||
      die "ggml-rpc-server did not compile (see above); the libraries are in place"
    mv -f "$program.$$" "$program"
  fi
  # by a rename, as for the libraries: it may be running
  cmp -s "$program" "$lib/ggml-rpc-server" || { cp "$program" "$lib/.rpc.$$" && mv -f "$lib/.rpc.$$" "$lib/ggml-rpc-server"; }
  say "$lib/ggml-rpc-server --help says how to run it"
}
