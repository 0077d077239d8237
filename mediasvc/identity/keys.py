"""Under which keys a patient is stored and searched: blocking, before anything is compared.

No two records of one person may differ in all of their keys. What goes wrong in practice is one
thing at a time: a name is misspelt, a woman marries, digits of a postcode change places, a house
number is missing. So each key takes two facts, in a form that survives the usual slips.
"""

from __future__ import annotations

from mediasvc.identity.names import normal, parse_name, phonetic_code, unspelled

#: Words of addresses that say nothing of where, in the languages of our users.
GENERIC = frozenset({
    "street", "st", "road", "rd", "avenue", "ave", "place", "pl", "crescent", "court", "ct",
    "drive", "dr", "lane", "ln", "close", "way", "circuit", "terrace", "parade", "highway",
    "square", "grove", "strasse", "str", "weg", "platz", "allee", "gasse", "rue", "boulevard",
    "chemin", "via", "viale", "piazza", "calle", "avenida", "plaza", "rua", "straat", "laan",
    "the", "of", "am", "an", "der", "die", "das", "de", "del", "la", "le", "du", "des"})

#: (kind, key); a kind is one letter.
BlockingKey = tuple[str, str]


def blocking_keys(name: str, birth_date: str = "", postcode: str = "", address: str = "",
                  ) -> tuple[BlockingKey, ...]:
    """``(kind, key)`` pairs.

    ``w`` a word of the name · ``p`` both names by sound, in either order · ``b`` the same with the
    year of birth · ``d`` the same with its day and month · ``x`` both names' beginnings · ``y`` one
    name by sound with the year of birth · ``c`` one with the postcode · ``a`` house number and a
    word of the street by sound · ``s`` such a word with the postcode. Of postcodes the order of the
    characters does not count. Of all that, ``b`` and ``d`` find somebody among thousands of
    namesakes when the birth date is wrong in one place.
    """
    keys: dict[BlockingKey, None] = {}
    year = birth_date[:4] if len(birth_date) >= 4 else ""
    day = birth_date[4:] if len(birth_date) == 8 else ""
    area = "".join(sorted(normal(postcode).replace(" ", "")))
    for parts in parse_name(name).groups:
        pair = [one for one in (parts.family, parts.given.partition(" ")[0]) if one]
        for word in parts.words:
            keys["w", word] = None
        codes = sorted(phonetic_code(one) for one in pair)
        if len(pair) == 2:
            both = "|".join(codes)
            keys["p", both] = None
            if year:
                keys["b", f"{both}|{year}"] = None
            if day:
                keys["d", f"{both}|{day}"] = None
            keys["x", "|".join(sorted(unspelled(one)[:3] for one in pair))] = None
        for code in codes:
            if year:
                keys["y", f"{code}|{year}"] = None
            if area:
                keys["c", f"{code}|{area}"] = None
    number, streets = _address(address)
    keys.update((("a", f"{number}|{street}"), None) for street in streets if number)
    keys.update((("s", f"{street}|{area}"), None) for street in streets if area)
    return tuple(keys)


def _address(text: str) -> tuple[str, list[str]]:
    """House number, and the first two telling words by sound."""
    words = normal(text).split()
    number = next((word for word in words if word[0].isdecimal()), "")
    telling = [word for word in words
               if word.isalpha() and len(word) > 2 and word not in GENERIC][:2]
    return number, [phonetic_code(word) for word in telling]
