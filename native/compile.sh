# One build directory per (source, options, compilers, machine) in the cache, and the CMake run in it. Sourced by
# build_native.sh.

# Sets source, commit, options and build. A pinned source's build is finished for good; a checkout's is ninja's to
# judge at every run, so its commit is not part of the name.
choose_build() {
  source=$(source_dir)
  commit=$(source_commit "$source")
  # No versioned sonames: each library is one real file under its plain name, which a wheel can carry.
  options=(
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=$(rpath_of_self)"
    -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF
    -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_MTMD=ON -DLLAMA_OPENSSL=OFF
    -DLLAMA_ALL_WARNINGS=OFF -DGGML_RPC=ON
    # OpenMP would take the place of ggml's own threads, and with it of --poll, --prio and --cpu-mask.
    -DGGML_OPENMP=OFF
    ${user_options[@]+"${user_options[@]}"}
  )
  build=$cache/build/$(build_key)
}

rpath_of_self() { if [ "$(uname -s)" = Darwin ]; then echo '@loader_path'; else echo '$ORIGIN'; fi; }

build_key() {
  {
    printf '%s\n' "$source" "${options[@]}" "$cc" "$cxx" "${CFLAGS:-}" "${CXXFLAGS:-}" "${LDFLAGS:-}" "${CUDACXX:-}"
    [ -n "${LLAMA_CPP_DIR:-}" ] || printf '%s\n' "$commit"
    cat "$root"/native/ggml/*
    uname -sm
    $cc --version
    $cxx --version
    # GGML_NATIVE (on by default) compiles for this very processor, and a cache may move to another machine.
    case " ${user_options[*]-} " in *' -DGGML_NATIVE=OFF '*) ;; *) processor ;; esac
  } 2>/dev/null | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])'
}

processor() {
  if [ "$(uname -s)" = Darwin ]; then sysctl -n machdep.cpu.brand_string; else grep -m1 -E '^(flags|Features)' /proc/cpuinfo; fi || true
}

is_built() { [ -z "${LLAMA_CPP_DIR:-}" ] && [ -f "$build/done" ] && [ -d "$source" ]; }

drop_build() {
  lock_cache
  rm -rf "$build"
  unlock_cache
}

compile() {
  local started=$SECONDS command=(cmake -S "$source" -B "$build" -G Ninja "${options[@]}" "-DLLAMA_BUILD_COMMIT=$commit"
    "-DCMAKE_PROJECT_ggml_INCLUDE=$build/llamactl/hooks.cmake")
  # A copy, since the build outlives the checkout; -p keeps the times that ninja looks at.
  mkdir -p "$build/llamactl"
  cp -p "$root"/native/ggml/* "$build/llamactl"
  if [ "$(cat "$build/configured" 2>/dev/null)" != "${command[*]}" ]; then
    say "configuring llama.cpp $commit in $build"
    CC=$cc CXX=$cxx "${command[@]}" >"$build/configure.log" 2>&1 || {
      grep -A6 'CMake Error' "$build/configure.log" >&2 || tail -20 "$build/configure.log" >&2
      die "CMake could not configure llama.cpp (all of it: $build/configure.log)"
    }
    if grep -q '^  llamactl: ' "$build/configure.log"; then
      grep '^  llamactl: ' "$build/configure.log" | sed 's/^ */build_native: /' >&2
      [ -n "${LLAMA_CPP_DIR:-}" ] || die "native/ggml/hooks.cmake does not fit the pinned source"
    fi
    printf '%s\n' "${command[*]}" >"$build/configured"
  fi
  say "compiling with $jobs jobs (2 to 5 minutes on two cores; an interrupted build goes on where it stopped)"
  NINJA_STATUS=${NINJA_STATUS:-"[%f/%t, %es] "} ninja -C "$build" -j "$jobs" llama mtmd ||
    die "llama.cpp $commit did not compile (see above); if a compiler was 'Killed', memory ran out: use a smaller --jobs"
  touch "$build/done"
  say "compiled in $((SECONDS - started)) s"
}

# A directory is the one lock that every system makes atomically.
lock_cache() {
  local lock=$cache/lock owner told=no
  mkdir -p "$cache/build" "$cache/source"
  until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then rm -rf "$lock"; continue; fi
    [ "$told" = yes ] || say "waiting for another build (process ${owner:-unknown}; if there is none, remove $lock)"
    told=yes
    sleep 1
  done
  echo $$ >"$lock/pid"
  trap 'unlock_cache' EXIT
}

unlock_cache() {
  rm -rf "$cache/lock" "$cache/source/partial.$$"
  trap - EXIT
}
