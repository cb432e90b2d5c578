"""`format` of strings -> regular expressions, each for texts that every validator takes.

Some are narrower than their format, so that no two readings of a standard disagree about what a
model wrote: no leap seconds, no comments in addresses, ASCII in what may be international. All are
of bounded length. In the dialect of `patterns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

YEAR = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
DATE = f"(?:{YEAR}-{DAY}|{LEAP_YEAR}-02-29)"
HOUR = "(?:[01][0-9]|2[0-3])"
TIME = f"{HOUR}:[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{{1,9}})?(?:Z|[+-]{HOUR}:[0-5][0-9])"

N = "[0-9]{1,9}"
CLOCK = f"T(?:{N}H(?:{N}M(?:{N}S)?)?|{N}M(?:{N}S)?|{N}S)"
DURATION = f"P(?:(?:{N}Y(?:{N}M(?:{N}D)?)?|{N}M(?:{N}D)?|{N}D)(?:{CLOCK})?|{CLOCK}|{N}W)"

LABEL = "[A-Za-z0-9]{1,20}(?:-[A-Za-z0-9]{1,20}){0,2}"
TOP_LABEL = "[A-Za-z]{2,20}"
HOST = f"(?:{LABEL}\\.){{0,3}}{TOP_LABEL}"
LOWER_HOST = HOST.replace("A-Z", "")
EMAIL = f"[A-Za-z0-9_%+-]{{1,30}}(?:\\.[A-Za-z0-9_%+-]{{1,30}})?@(?:{LABEL}\\.){{1,3}}{TOP_LABEL}"

OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = f"(?:{OCTET}\\.){{3}}{OCTET}"
H = "[0-9a-fA-F]{1,4}"
IPV6 = "|".join(
    [
        f"(?:{H}:){{7}}{H}",
        f"(?:{H}:){{1,7}}:",
        f"(?:{H}:){{1,6}}:{H}",
        *(f"(?:{H}:){{1,{7 - n}}}(?::{H}){{1,{n}}}" for n in range(2, 6)),
        f"{H}:(?::{H}){{1,6}}",
        f":(?::{H}){{1,7}}",
        "::",
    ]
)
UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

ENCODED = "%[0-9A-Fa-f]{2}"
SEGMENT = f"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|{ENCODED}){{0,80}}"
PATH = f"(?:/{SEGMENT}){{0,20}}"
TAIL = f"(?:\\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|{ENCODED}){{0,200}})?"
TAIL += TAIL.replace("(?:\\?", "(?:#", 1)
PORT = "(?::[0-9]{1,5})?"
URI = (
    f"(?:[A-Za-z][A-Za-z0-9+.-]{{1,20}}://(?:{HOST}|{IPV4}){PORT}{PATH}{TAIL}"
    f"|(?:urn:[a-z0-9]{{2,20}}|mailto|tel|news):[A-Za-z0-9._~!$&'()*+,;=:@-]{{1,200}})"
)
RELATIVE = f"(?:/(?:[A-Za-z0-9._~-]{{1,80}}{PATH})?|[A-Za-z0-9._~-]{{1,80}}{PATH}){TAIL}"
NAME = "[A-Za-z0-9_]{1,30}"
TEMPLATE = f"(?:[A-Za-z0-9/:.?=&_~-]|\\{{[+#./;?&]?{NAME}(?:,{NAME}){{0,5}}\\}}){{1,200}}"
POINTER = "(?:/(?:[^~/\\x00-\\x1f\\x7f]|~[01])*)*"

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "date": DATE,
        "time": TIME,
        "date-time": f"{DATE}T{TIME}",
        "duration": DURATION,
        "email": EMAIL,
        "idn-email": EMAIL,
        "hostname": HOST,
        "host-name": HOST,
        "idn-hostname": LOWER_HOST,
        "ipv4": IPV4,
        "ip-address": IPV4,
        "ipv6": IPV6,
        "uuid": UUID,
        "uri": URI,
        "iri": URI,
        "uri-reference": f"(?:{URI}|{RELATIVE})",
        "iri-reference": f"(?:{URI}|{RELATIVE})",
        "uri-template": TEMPLATE,
        "json-pointer": POINTER,
        "relative-json-pointer": f"(?:0|[1-9][0-9]{{0,8}})(?:#|{POINTER})",
        "color": "#[0-9a-fA-F]{6}",
    }
)
"""Every other format but `regex` says nothing that could be wrong, as the standard has it."""

REFUSED = frozenset({"regex"})


def format_pattern(name: object) -> str | None:
    """What the whole of a text of a format matches; None where the format says nothing."""
    known = FORMATS.get(name) if isinstance(name, str) else None
    return None if known is None else f"^(?:{known})$"
