"""Options of the page that the server shows in a browser, and of tools that it runs for it."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.parsers import directory
from server.options.parsers import json_object_file
from server.options.parsers import json_object_text
from server.values import comma_list
from server.values import flag
from server.values import text

TOOLS = ("read_file", "file_glob_search", "grep_search", "exec_shell_command", "write_file",
         "edit_file", "get_info")  # fmt: skip

_NO_STRANGERS = "for trusted environments only; limits --cors-origins to localhost unless set"

UI = Section("ui", "Page and tools", (
    Option("ui", ("--ui", "--webui"), flag, True, negated=("--no-ui", "--no-webui"),
           env="LLAMA_ARG_UI", help="serve a page, the built-in one or that of --path"),
    Option("static_path", ("--path",), directory, "", "DIR", env="LLAMA_ARG_STATIC_PATH",
           help="serve the files of this directory, instead of the built-in page"),
    Option("ui_config", ("--ui-config", "--webui-config"), json_object_text, "", "JSON",
           env="LLAMA_ARG_UI_CONFIG", help="settings that the page begins with, as a JSON object"),
    Option("ui_config_file", ("--ui-config-file", "--webui-config-file"), json_object_file, "",
           "FILE", env="LLAMA_ARG_UI_CONFIG_FILE", fills="ui_config",
           help="a file with settings that the page begins with"),
    Option("ui_mcp_proxy", ("--ui-mcp-proxy", "--webui-mcp-proxy"), flag, False,
           negated=("--no-ui-mcp-proxy", "--no-webui-mcp-proxy"), env="LLAMA_ARG_UI_MCP_PROXY",
           help="let the page reach MCP servers through this one; for trusted environments only"),
    Option("tools", ("--tools",), comma_list, (), "NAMES", env="LLAMA_ARG_TOOLS",
           help=f"tools for agents: all, or some of {', '.join(TOOLS)}; {_NO_STRANGERS}"),
    Option("tools_runtime", ("--tools-runtime",), text, "", "WHERE",
           env="LLAMA_ARG_TOOLS_RUNTIME", shown_default="this machine",
           help="where tools run: docker:IMAGE or podman:IMAGE (a new container), "
                "docker-container:ID or podman-container:ID (one that runs), or ssh:TARGET"),
    Option("mcp_servers_config", ("--mcp-servers-config",), text, "", "FILE",
           env="LLAMA_ARG_MCP_SERVERS_CONFIG",
           help=f"a JSON file that names MCP servers, in Cursor's form; {_NO_STRANGERS}"),
    Option("mcp_servers_json", ("--mcp-servers-json",), json_object_text, "", "JSON",
           env="LLAMA_ARG_MCP_SERVERS_JSON", help="the same as JSON itself"),
    Option("agent", ("-ag", "--agent"), flag, False, negated=("-no-ag", "--no-agent"),
           env="LLAMA_ARG_AGENT", expands=(("tools", "all"), ("ui_mcp_proxy", "on")),
           expands_off=(("tools", ""), ("ui_mcp_proxy", "off")),
           help="all tools and the MCP proxy; --no-agent takes both back"),
))  # fmt: skip
