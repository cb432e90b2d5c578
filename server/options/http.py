"""Options of the HTTP side: addresses, keys, limits and which endpoints there are."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.option import concat
from server.options.parsers import api_prefix
from server.options.parsers import file_of_keys
from server.options.parsers import host_names
from server.options.parsers import hosts
from server.options.parsers import port
from server.options.parsers import sse_interval
from server.values import comma_list
from server.values import flag
from server.values import integer
from server.values import integer_in
from server.values import text

HTTP = Section("http", "HTTP", (
    Option("host", ("--host",), hosts, ("127.0.0.1",), "HOSTS", env="LLAMA_ARG_HOST",
           help="addresses to listen on, comma-separated; one that ends in .sock is a UNIX socket"),
    Option("port", ("--port",), port, 8080, "PORT", env="LLAMA_ARG_PORT",
           help="port to listen on; 0 = any free one"),
    Option("reuse_port", ("--reuse-port",), flag, False, env="LLAMA_ARG_REUSE_PORT",
           help="share the port with other processes that do the same"),
    Option("timeout_s", ("-to", "--timeout"), integer_in(1), 3600, "SECONDS",
           env="LLAMA_ARG_TIMEOUT",
           help="how long a client may let a read or write wait"),
    Option("threads_http", ("--threads-http",), integer, -1, "N", env="LLAMA_ARG_THREADS_HTTP",
           help="requests served at the same time; there are always at least 10000, unless fewer "
                "files may be open"),
    Option("api_keys", ("--api-key",), comma_list, (), "KEYS", env="LLAMA_API_KEY",
           merge=concat, tags=frozenset({Tag.SECRET}),
           help="keys of which clients must send one, comma-separated"),
    Option("api_key_files", ("--api-key-file",), file_of_keys, (), "FILE",
           env="LLAMA_ARG_API_KEY_FILE", merge=concat,
           help="a file with such keys, one a line, each with what it may, if that is not "
                "everything (docs/howto/overload.md); lines that begin with # are comments; read "
                "again on SIGHUP"),
    Option("ssl_key_file", ("--ssl-key-file",), text, "", "FILE", env="LLAMA_ARG_SSL_KEY_FILE",
           help="private key for HTTPS, PEM; read again on SIGHUP"),
    Option("ssl_cert_file", ("--ssl-cert-file",), text, "", "FILE", env="LLAMA_ARG_SSL_CERT_FILE",
           help="certificate for HTTPS, PEM, with the chain below it"),
    Option("api_prefix", ("--api-prefix",), api_prefix, "", "PREFIX", env="LLAMA_ARG_API_PREFIX",
           help="path under which everything is served, without a slash at its end"),
    Option("allowed_hosts", ("--allowed-hosts",), host_names, (), "NAMES",
           env="LLAMA_ARG_ALLOWED_HOSTS", tags=frozenset({Tag.OURS}),
           help="answer only requests whose Host header is localhost, an address or one of these "
                "names, comma-separated; .example.org = all below it; without it, any name"),
    Option("cors_origins", ("--cors-origins",), text, "*", "ORIGINS",
           env="LLAMA_ARG_CORS_ORIGINS",
           help="origins allowed by CORS, comma-separated; localhost = only those"),
    Option("cors_methods", ("--cors-methods",), text, "GET, POST, DELETE, OPTIONS", "METHODS",
           env="LLAMA_ARG_CORS_METHODS", help="methods allowed by CORS, comma-separated"),
    Option("cors_headers", ("--cors-headers",), text, "*", "HEADERS",
           env="LLAMA_ARG_CORS_HEADERS", help="headers allowed by CORS, comma-separated"),
    Option("cors_credentials", ("--cors-credentials",), flag, True,
           negated=("--no-cors-credentials",), env="LLAMA_ARG_CORS_CREDENTIALS",
           help="allow credentials by CORS; with origins * the Origin header is echoed"),
    Option("sse_ping_interval_s", ("--sse-ping-interval",), sse_interval, 30, "SECONDS",
           env="LLAMA_ARG_SSE_PING_INTERVAL",
           help="send a comment into a silent stream this often; -1 = never"),
    Option("endpoint_slots", ("--slots",), flag, True, negated=("--no-slots",),
           env="LLAMA_ARG_ENDPOINT_SLOTS", help="serve GET /slots"),
    Option("endpoint_props", ("--props",), flag, False, env="LLAMA_ARG_ENDPOINT_PROPS",
           help="serve POST /props, which changes properties of the server"),
    Option("endpoint_metrics", ("--metrics",), flag, False, env="LLAMA_ARG_ENDPOINT_METRICS",
           help="serve GET /metrics for Prometheus"),
    Option("max_body_mib", ("--max-body-mib",), integer_in(1), 100, "MIB",
           env="LLAMA_ARG_MAX_BODY_MIB", tags=frozenset({Tag.OURS}),
           help="the largest request body that is read"),
))  # fmt: skip
