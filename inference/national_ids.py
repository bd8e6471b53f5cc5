"""National identity, tax and social security numbers in a text, by form and checksum (pure).

The forms that cannot be anything else are found wherever they stand; short runs of digits only behind their name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stdnum.be import nn as belgian
from stdnum.br import cpf
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.tr import tckimlik

Span = tuple[int, int]
Check = Callable[[str], bool]

_SEPARATORS = re.compile(r"[ ./-]")
_NAMED = re.compile(
    r"(?<!\w)(?:ssn|social security(?: number| no\.?)?|itin|nino?|national insurance(?: number| no\.?)?|bsn"
    r"|burgerservicenummer|sofinummer|steuer-?id(?:entifikationsnummer|nr\.?)?|idnr\.?|nif|dni|nie|sin"
    r"|social insurance(?: number| no\.?)?|pesel|cpf|snils|aadhaar|passport(?: number| no\.?)?"
    r"|(?:reise)?passnummer|ausweisnummer)(?:[ :#=]| is | ist | es ){1,4}"
    r"([A-Z]{0,3}[0-9](?:[ ./-]?[0-9]){5,13}[A-Z]?|(?=[A-Z]{0,5}[0-9])[A-Z0-9]{6,14})(?!\w)",
    re.IGNORECASE,
)


def _any_of(*checks: Check) -> Check:
    return lambda number: any(check(number) for check in checks)


def _always(_number: str) -> bool:
    return True


_FORMS: tuple[tuple[re.Pattern[str], Check], ...] = tuple(
    (re.compile(rf"(?<!\w)(?:{form})(?!\w)", re.IGNORECASE), check)
    for form, check in (
        # SSN (20 CFR 422.103) and ITIN: no checksum, but nobody groups anything else so.
        (r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}", _always),
        # National Insurance number, HMRC's NIM39110.
        (
            r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
            _always,
        ),
        (
            r"[0-9]{11}|[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",
            _any_of(idnr.is_valid, pesel.is_valid, cpf.is_valid, tckimlik.is_valid, belgian.is_valid),
        ),
        (r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", cpf.is_valid),
        (r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", belgian.is_valid),
        (r"[0-9]{6} ?[0-9]{5}", fodselsnummer.is_valid),
        (r"[0-9]{8}[ -]?[A-Z]", dni.is_valid),
        (r"[XYZ][ -]?[0-9]{7}[ -]?[A-Z]", nie.is_valid),
        (r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", nir.is_valid),
        (r"[A-Z]{6}[0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]", codicefiscale.is_valid),
        (r"(?:[0-9]{2})?[0-9]{6}[-+][0-9]{4}", personnummer.is_valid),
        (r"[0-9]{6}[-+A-F][0-9]{3}[0-9A-Y]", hetu.is_valid),
        (r"[2-9][0-9]{3}([ -]?)[0-9]{4}\1[0-9]{4}", aadhaar.is_valid),
        (r"[0-9]{17}[0-9X]", ric.is_valid),
    )
)
_ENOUGH = re.compile(r"[0-9](?:[^0-9]?[0-9A-Za-z]){4}")


def national_ids(text: str) -> Iterator[Span]:
    """Numbers of the United States, Britain, Germany, Poland, Brazil, Turkey, Belgium, Norway, Spain, France, Italy,
    Sweden, Finland, India and China by themselves; others, and passports, where their name stands before them.
    """
    if _ENOUGH.search(text) is None:
        return
    yield from (match.span(1) for match in _NAMED.finditer(text))
    for form, check in _FORMS:
        for match in form.finditer(text):
            number = match.group()
            if check(number) or check(_SEPARATORS.sub("", number)):
                yield match.span()
