# Puts the built libraries into llama_ctypes/lib and has the C compiler judge the binding's declarations. Sourced by
# build_native.sh.

# Replaces only what differs, each file by a rename: a running server keeps the file that it has mapped.
install_libraries() {
  local file name changed=no
  mkdir -p "$lib"
  for file in "$build"/bin/lib*.so "$build"/bin/lib*.dylib "$build"/bin/*.metallib; do
    if [ ! -f "$file" ] || [ -L "$file" ]; then continue; fi
    name=${file##*/}
    if cmp -s "$file" "$lib/$name"; then continue; fi
    rm -f "$lib/ABI"
    cp "$file" "$lib/.$name.$$"
    mv -f "$lib/.$name.$$" "$lib/$name"
    changed=yes
  done
  for file in "$lib"/lib* "$lib"/*.metallib; do
    if [ -e "$file" ] && [ ! -e "$build/bin/${file##*/}" ]; then rm -f "$file" "$lib/ABI"; changed=yes; fi
  done
  [ -e "$lib/libllama.so" ] || [ -e "$lib/libllama.dylib" ] || die "no libllama in $build/bin; run ./build_native.sh --clean"
  # Shell-quoted, so that "make" can repeat a build with the options of the last one.
  if [ ${#user_options[@]} -gt 0 ]; then printf '%q ' "${user_options[@]}"; fi >"$lib/OPTIONS"
  if [ "$changed" = yes ]; then say "installed the libraries into $lib"; else say "$lib is up to date"; fi
}

# The probe fails to compile where a declaration in llama_ctypes/raw differs from the headers.
judge_declarations() {
  local probe
  cd "$root"
  probe=$("$python" -m llama_ctypes.abi --emit) || die "python -m llama_ctypes.abi --emit failed (see above)"
  printf '%s\n' "$probe" | $cc -std=c11 -fsyntax-only -I"$source/include" -I"$source/ggml/include" -I"$source/tools/mtmd" -xc - || {
    rm -f "$lib/ABI"
    die "llama_ctypes declares what the headers of llama.cpp $commit in $source do not (see above); the libraries will not load"
  }
  "$python" -m llama_ctypes.abi --stamp --commit "$commit" --lib "$lib" || die "python -m llama_ctypes.abi --stamp failed (see above)"
}
