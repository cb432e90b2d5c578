"""`./build_native.sh --rpc-server`: a program beside the libraries, which are left as they are."""

from __future__ import annotations

from tests.native.conftest import Clone


def test_libraries_without_rpc_are_refused_after_they_are_installed(quick: Clone) -> None:
    refused = quick.build("--rpc-server")
    assert refused.returncode == 1
    assert "--rpc-server: the libraries were built without RPC" in refused.stderr
    assert (quick.lib / "ABI").exists()
