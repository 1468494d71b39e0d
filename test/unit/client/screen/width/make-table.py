"""Columns of every character as the Unicode data of python3's unicodedata has them: `python3 make-table.py > table.txt`. Lines: FIRST LAST (hexadecimal) COLUMNS."""
import sys
import unicodedata

def columns(char):
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1

# What text.ts takes out before anything is counted; unassigned characters are never shown.
def counted(char):
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")

first = last = None
width = None
for code in list(range(0x20, 0x110000)) + [None]:
    now = columns(chr(code)) if code is not None and counted(chr(code)) else None
    if now != width:
        if width is not None:
            print(f"{first:x} {last:x} {width}")
        first, width = code, now
    last = code
print("#", unicodedata.unidata_version, file=sys.stderr)
