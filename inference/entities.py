"""Order ids, e-mail addresses, phones, URLs, amounts, dates, times, cards, IBANs and products in a text (pure).

Spans count code points of the text that was given: ``entity.text == text[entity.start:entity.end]``. Where two kinds
overlap, the one that is looked for first keeps the span. Every pattern starts only at the edge of a word and
repeats at most a bounded number of times, so a hostile text costs no more than its length; a cheaper look decides
first whether there is anything to find.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from inference import payments
from inference.analysis import Entity
from inference.dates import moments
from inference.phones import phones
from inference.products import Products

Span = tuple[int, int]

NO_PRODUCTS = Products()
MAX_ENTITIES = 50
"""No honest message holds more; a pasted table of prices should not fill the wire."""

_URL = re.compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\"']{2,2000}", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")

_NUMBER = r"\d{1,9}(?:[ ,.'’]\d{2,3}(?=[ ,.'’]\d{3}(?!\d))|[ ,.'’]\d{3}){0,4}(?:[.,]\d{1,2})?(?:[kKmM](?!\w))?(?![\d])"
_SIGN = r"(?:US|CA|AU|NZ|HK|S|R)?\$|[€£¥₹₽₩₺₴₪₫₱₦฿₿]|zł|Kč|Ft(?!\w)|(?-i:kr)(?!\w)|Rs\.?(?=[ \d]|$)"
# "Try" is a word.
_CODE = (
    r"USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|UAH|RUB|BRL|MXN|ARS|CLP|ZAR|NGN|KES"
    r"|SGD|HKD|TWD|KRW|THB|IDR|MYR|PHP|VND|AED|SAR|ILS|EGP|(?-i:TRY)"
)
_NAME = (
    r"(?:US )?dollars?|bucks|euros?|pounds?(?: sterling)?|quid|cents?|francs?|yen|rupees?|pesos?|złotych|kronor|reais"
)
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?:{_SIGN}|(?:{_CODE}) ?) ?-?{_NUMBER}|{_NUMBER} ?(?:{_SIGN}|(?:{_CODE}|{_NAME})(?!\w)))",
    re.IGNORECASE,
)

_ORDER_HASH = re.compile(r"(?<![\w#&/])#(?=[A-Za-z-]{0,12}\d)[A-Za-z0-9](?:-?[A-Za-z0-9]){2,31}(?![\w-])")
_ORDER_STEMS = ("order", "purchase", "bestell", "auftrag", "pedido", "orden", "commande", "ordine")
# "He pedido 20" is somebody who has ordered twenty.
_ORDERED = "".join(rf"(?<!\b{have} )" for have in ("he", "has", "ha", "hemos", "habéis", "han", "había", "habías"))
_NOUN = (
    rf"bestellung|bestell(?:ungs)?nummer|bestell-?nr\.?|auftrag|auftragsnummer|{_ORDERED}pedido|orden|commande|ordine"
)
_NUMBERED = r"(?: ?(?:number|no\.?|nr\.?|num\.?|id|nummer|número|numero|n[°º]|#|:)){0,2}"
_BE = r"(?: is| was| ist| lautet| es(?: el)?)?"
_ORDER_WORD = re.compile(
    rf"(?<!\w)(?:order|purchase|{_NOUN}){_NUMBERED}{_BE}"
    r"[ :#]{1,3}((?=[A-Za-z-]{0,12}\d)[A-Za-z0-9](?:-?[A-Za-z0-9]){3,31})(?![\w-])",
    re.IGNORECASE,
)
# A short number has to be marked as one, or to stand behind what is no verb: "order 20 roses" names none.
_SHORT_MARKED = re.compile(
    rf"(?<!\w)(?:order|purchase|{_NOUN})"
    r"(?: (?:number|no\.?|nr\.?|num\.?|id|nummer|número|numero|n[°º]))?"
    rf"{_BE}[ :]{{0,2}}(#[A-Za-z]{{0,2}}\d{{1,3}})(?![\w-]|[.,:/]\d)",
    re.IGNORECASE,
)
_SHORT_NUMBERED = re.compile(
    rf"(?<!\w)(?:order|purchase|{_NOUN}) (?:number|no\.|nr\.?|num\.|id|nummer|número|numero|n[°º])"
    rf"{_BE}[ :]{{1,2}}(\d{{1,3}})(?![\w-]|[.,:/]\d)",
    re.IGNORECASE,
)
_COUNTED = (
    r"€|\$|%|(?:januar|jänner|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|uhr|stück|mal"
    r"|tagen?|wochen?|monaten?|jahren?|euros?|de (?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre"
    r"|octubre|noviembre|diciembre)|días?|semanas?|mes(?:es)?|años?|horas?|unidades|veces)(?!\w)"
)
_SHORT = re.compile(
    rf"(?<!\w)(?:{_NOUN}){_BE}[ :]{{1,2}}(\d{{2,3}})(?![\w-]|[.,:/]\d|\.? ?(?:{_COUNTED}))", re.IGNORECASE
)


def entities(text: str, products: Products = NO_PRODUCTS) -> tuple[Entity, ...]:
    """At most ``MAX_ENTITIES`` entities of ``text``, by where they start; none overlap."""
    found: list[Entity] = []
    for name, hint, find in _ADDRESSES:
        if hint(text):
            _add(found, text, name, find(text))
    if products:
        _add(found, text, "product", products.find(text))
    has_digits = _DIGIT.search(text) is not None
    if has_digits:
        for name, hint, find in _NUMBERS:
            if hint(text):
                _add(found, text, name, find(text))
    for name, spans in moments(text, has_digits=has_digits):
        _add(found, text, name, spans)
    if has_digits:
        _add(found, text, "phone", phones(text))  # the last: what is a date or an amount is no phone
    found.sort(key=_start)
    return tuple(found)


def _add(found: list[Entity], text: str, name: str, spans: Iterator[Span]) -> None:
    for start, end in spans:
        if len(found) == MAX_ENTITIES:
            return
        if not any(start < other.end and other.start < end for other in found):
            found.append(Entity(name, text[start:end], start, end))


def _start(entity: Entity) -> int:
    return entity.start


def urls(text: str) -> Iterator[Span]:
    """Addresses with http, https or www, without the punctuation of the sentence around them."""
    for match in _URL.finditer(text):
        url = match.group().rstrip(".,;:!?*_~")
        while url.endswith(")") and url.count(")") > url.count("("):
            url = url[:-1].rstrip(".,;:!?")
        if "." in url or "://localhost" in url.lower():
            yield match.start(), match.start() + len(url)


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses as people write them: the dot-atom form of RFC 5322, not its quoted one."""
    for match in _EMAIL.finditer(text):
        local = match.group().split("@", 1)[0]
        start = match.start() + len(local) - len(local.lstrip(".%-"))
        if start < match.start() + len(local):
            yield start, match.end()


def _amounts(text: str) -> Iterator[Span]:
    return (match.span() for match in _AMOUNT.finditer(text))


def _orders(text: str) -> Iterator[Span]:
    yield from (match.span() for match in _ORDER_HASH.finditer(text))
    lowered = text.lower()
    if not any(stem in lowered for stem in _ORDER_STEMS):
        return
    for pattern in (_ORDER_WORD, _SHORT_MARKED, _SHORT_NUMBERED, _SHORT):
        yield from (match.span(1) for match in pattern.finditer(text))


_DIGIT = re.compile(r"\d")


def _always(_text: str) -> bool:
    return True


def _has_at(text: str) -> bool:
    return "@" in text


def _has_address(text: str) -> bool:
    return "://" in text or "www." in text or "WWW." in text


Finder = tuple[str, Callable[[str], bool], Callable[[str], Iterator[Span]]]

_ADDRESSES: tuple[Finder, ...] = (("url", _has_address, urls), ("email", _has_at, emails))
# A number whose checksum fits is what it seems before it is an order, so that a card is never said back as one.
_NUMBERS: tuple[Finder, ...] = (
    ("iban", payments.has_iban, payments.ibans),
    ("payment_card", payments.has_card, payments.cards),
    ("order_id", _always, _orders),
    ("amount", _always, _amounts),
)
