# Where the llama.cpp source comes from: $LLAMA_CPP_DIR, else the tree that an sdist on PyPI carries. Sourced by
# build_native.sh.

pinned_sdist=llama-cpp-python==0.3.36
pinned_sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
pinned_commit=0c1e57098

source_dir() {
  if [ -n "${LLAMA_CPP_DIR:-}" ]; then
    (cd "$LLAMA_CPP_DIR" 2>/dev/null && pwd -P) || die "LLAMA_CPP_DIR: no such directory: '$LLAMA_CPP_DIR'"
  else
    printf '%s\n' "$cache/source/llama.cpp-$pinned_commit"
  fi
}

# The commit to stamp. A checkout's is git's, with "-dirty" if it was edited; "unknown" if it is no git checkout.
source_commit() {
  local commit
  if [ -z "${LLAMA_CPP_DIR:-}" ]; then
    commit=$pinned_commit
  elif [ "$(git -C "$1" rev-parse --show-toplevel 2>/dev/null)" = "$1" ] &&
    commit=$(git -C "$1" rev-parse --short=9 HEAD 2>/dev/null); then
    git -C "$1" diff --quiet HEAD -- || commit=$commit-dirty
  else
    commit=unknown
  fi
  printf '%s\n' "$commit"
}

fetch_source() {
  if [ -n "${LLAMA_CPP_DIR:-}" ]; then
    [ -f "$source/include/llama.h" ] || die "LLAMA_CPP_DIR: '$source' is no llama.cpp checkout (no include/llama.h)"
    return
  fi
  if [ -d "$source" ]; then return; fi
  local partial=$cache/source/partial.$$ tool
  for tool in tar gzip; do
    has "$tool" || missing "'$tool' is missing; the source is a .tar.gz" "apt install $tool" "dnf install $tool" "comes with macOS"
  done
  say "getting the source of llama.cpp $pinned_commit (75 MB) from PyPI: $pinned_sdist"
  mkdir -p "$partial"
  download_sdist "$partial"
  tar xzf "$partial"/llama_cpp_python-*.tar.gz -C "$partial" "llama_cpp_python-${pinned_sdist##*=}/vendor/llama.cpp" ||
    die "the source could not be unpacked into '$partial' (see above)"
  mv "$partial"/llama_cpp_python-*/vendor/llama.cpp "$source"
  rm -rf "$partial"
}

# Leaves the verified sdist in directory $1. pip makes the sdist's metadata too, so its build backend comes along.
download_sdist() {
  local pip=$python digest
  if ! "$pip" -m pip --version >/dev/null 2>&1; then
    make_tools_venv
    pip=$cache/tools/bin/python
  fi
  "$pip" -m pip download -q --no-deps --no-binary llama-cpp-python -d "$1" "$pinned_sdist" ||
    die "$pinned_sdist could not be downloaded from PyPI (see above); without a network, set LLAMA_CPP_DIR to a checkout of llama.cpp $pinned_commit"
  digest=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' \
    "$1"/llama_cpp_python-*.tar.gz)
  [ "$digest" = "$pinned_sha256" ] ||
    die "$pinned_sdist: SHA-256 is $digest, expected $pinned_sha256; not unpacked"
}
