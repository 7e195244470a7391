"""Durations and times of day as text: 13:16, 01:02:33, 1:16 PM, 2h 50m, PT2H50M, 1 day, 02:03:04."""

import re

import numpy as np

DURATION = "h:m:s"
SHORT = "m:s"  # durations of minutes and seconds, where others of the column have hours too
DURATIONS = (DURATION, SHORT)
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_CLOCK = re.compile(
    r"(?P<sign>[+-])?(?:(?P<days>\d+)\s*(?:d|days?|\.),?\s*)?(?P<first>\d{1,4}):(?P<second>[0-5]\d)"
    r"(?::(?P<third>[0-5]\d(?:[.,]\d+)?))?\s*(?P<half>[ap]\.?m\.?)?",
    re.IGNORECASE,
)
_PART = r"\d+(?:[.,]\d+)?\s*(?:w|weeks?|d|days?|h|hrs?|hours?|std|m|mins?|minutes?|s|secs?|seconds?)\.?"
_PARTS = re.compile(rf"[+-]?{_PART}(?:[\s,]*(?:and\s+)?{_PART})*", re.IGNORECASE)
_ISO = re.compile(
    r"(?P<sign>[+-])?P(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?"
)


def seconds(text: str) -> float:
    """Return a duration or a time of day in seconds, or NaN; two parts are hours and minutes."""
    return _seconds_of(text, False)


def short_seconds(text: str) -> float:
    """Return the same, where two parts are minutes and seconds."""
    return _seconds_of(text, True)


def duration_form(texts: list[str]) -> str | None:
    """Return the format of durations or times of day, from a column's distinct texts; None where they are none."""
    if not texts or any(np.isnan(seconds(text)) for text in texts):
        return None
    if not any(":" in text for text in texts):
        units = {unit[0].lower() for text in texts for unit in re.findall(r"[A-Za-z]+", text.upper().lstrip("P"))}
        # 12 h and 7 h are numbers of one unit, which need no seconds.
        return DURATION if len(units - {"t"}) > 1 or any(text.lstrip("+-")[:1] in "Pp" for text in texts) else None
    counts = {text.count(":") for text in texts}
    clock = any(re.search(r"[ap]\.?m", text, re.IGNORECASE) for text in texts)
    return SHORT if counts == {1, 2} and not clock else DURATION


def _seconds_of(text: str, short: bool) -> float:
    found = _CLOCK.fullmatch(text)
    if found:
        return _clock(found, short)
    if _PARTS.fullmatch(text):
        total = sum(
            float(number.replace(",", ".")) * _UNITS["h" if unit.lower() == "std" else unit[0].lower()]
            for number, unit in re.findall(r"(\d+(?:[.,]\d+)?)\s*([A-Za-z]+)", text)
        )
        return -total if text.startswith("-") else total
    found = _ISO.fullmatch(text)
    if found and any(found[unit] for unit in "wdhms"):
        total = sum(float(found[unit] or 0) * _UNITS[unit] for unit in "wdhms")
        return -total if found["sign"] == "-" else total
    return float("nan")


def _clock(found: re.Match[str], short: bool) -> float:
    first, second = int(found["first"]), int(found["second"])
    third = found["third"] and float(found["third"].replace(",", "."))
    if found["half"]:
        if not 1 <= first <= 12:
            return float("nan")
        first = first % 12 + 12 * (found["half"][0].lower() == "p")
    minutes_and_seconds = third is None and short and not found["half"]
    total = first * 60 + second if minutes_and_seconds else first * 3600 + second * 60 + (third or 0)
    total += int(found["days"] or 0) * 86400
    return float(-total if found["sign"] == "-" else total)
