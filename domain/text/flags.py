"""Flags of countries' subdivisions, which tag characters spell behind a black flag (UTS #51).

Unicode recommends those of England, Scotland and Wales; some viewers show others, above all of the USA's states. Of the
rest a text may have as many as a country has: their free characters are room for words.
"""

import re
from collections.abc import Iterator

BLACK_FLAG = "\U0001f3f4"
_TAG = 0xE0000
_FLAG = re.compile(f"{BLACK_FLAG}([\U000e0030-\U000e0039\U000e0061-\U000e007a]{{3,5}})\U000e007f")
_STATES = (
    "al ak az ar ca co ct dc de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or "
    "pa ri sc sd tn tx ut vt va wa wv wi wy"
)
_KNOWN = frozenset(["gbeng", "gbsct", "gbwls", *(f"us{state}" for state in _STATES.split())])
_MOST_OTHERS = 26  # as many as Switzerland has
_COUNTRIES = """
ad ae af ag al am ao ar at au az ba bb bd be bf bg bh bi bj bn bo br bs bt bw by bz ca cd cf cg ch ci cl cm cn co cr
cu cv cy cz de dj dk dm do dz ec ee eg er es et fi fj fm fr ga gb gd ge gh gl gm gn gq gr gt gw gy hn hr ht hu id ie
il in iq ir is it jm jo jp ke kg kh ki km kn kp kr kw kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm
mn mr mt mu mv mw mx my mz na ne ng ni nl no np nr nz om pa pe pg ph pk pl ps pt pw py qa ro rs ru rw sa sb sc sd se
sg sh si sk sl sm sn so sr ss st sv sy sz td tg th tj tl tm tn to tr tt tv tw tz ua ug um us uy uz va vc ve vn vu wf
ws ye za zm zw
"""  # those with subdivisions (ISO 3166-2)
_REGIONS = frozenset(_COUNTRIES.split())


def find_flags(text: str) -> Iterator[tuple[int, int]]:
    """Yield the positions of subdivision flags.

    Those that few viewers show count only if no more than 26 different ones are in the text.
    """
    if BLACK_FLAG not in text:
        return
    others: dict[str, list[tuple[int, int]]] = {}
    for flag in _FLAG.finditer(text):
        code = "".join(chr(ord(tag) - _TAG) for tag in flag[1])
        if code in _KNOWN:
            yield flag.span()
        elif code[:2] in _REGIONS:
            others.setdefault(code, []).append(flag.span())
    if len(others) <= _MOST_OTHERS:
        for places in others.values():
            yield from places
