"""Two hundred texts that a model could write to do harm: each payload in each place of Markdown."""

from __future__ import annotations

RTL = "\u202e"
PAYLOADS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1><script>window.pwned=1</script></svg>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<a href='javascript:window.pwned=1'>go</a>",
    "[go](javascript:window.pwned=1)",
    "[go](  JaVaScRiPt&#58;window.pwned=1)",
    "![x](javascript:window.pwned=1)",
    '[go](data:text/html,<script>window.pwned=1</script> "t")',
    "<details open ontoggle=window.pwned=1>x</details>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.pwned=1>",
    "<form action=javascript:window.pwned=1><button>x</button></form>",
    "<style>*{display:none!important}</style>",
    "<div style='position:fixed;inset:0;background:red;z-index:99'>x</div>",
    "$\\href{javascript:window.pwned=1}{x}$ $$\\def\\a{\\a\\a}\\a$$",
    "$$\\htmlStyle{position:fixed}{x} \\rule{9999em}{9999em}$$",
    "x" * 20_000,
    RTL + "txt.exe" + "\u0335\u0489" * 500,
    "|a|b|\n|-|-|\n|" + "|".join("c" * 99 for _ in range(80)) + "|",
    "<<SCRIPT>alert(1)//<</SCRIPT>\0<!--<base href=//x>-->",
)
PLACES = (
    "{}",
    "```html\n{}\n```",
    "```{}",
    "> {}",
    "- {}\n  1. {}",
    "# {}",
    "**{}",
    "|h|\n|-|\n|{}|",
    "<div>{}",
    "`{}` [{}]({})",
)
TEXTS = tuple(place.replace("{}", payload) for payload in PAYLOADS for place in PLACES)
