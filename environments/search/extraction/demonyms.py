"""Demonyms and their countries, for nationality and country in opening sentences.

The table has unambiguous names only: no "Korean", no "Congolese", and no "Georgia" or "Jordan",
which are also a state of the United States and a common name.
"""

from __future__ import annotations

_TABLE = """
Afghan Afghanistan|Albanian Albania|Algerian Algeria|American United States|Angolan Angola
Argentine Argentina|Armenian Armenia|Australian Australia|Austrian Austria|Azerbaijani Azerbaijan
Bangladeshi Bangladesh|Belarusian Belarus|Belgian Belgium|Bolivian Bolivia|Brazilian Brazil
British United Kingdom|Bulgarian Bulgaria|Cambodian Cambodia|Cameroonian Cameroon|Canadian Canada
Chilean Chile|Chinese China|Colombian Colombia|Croatian Croatia|Cuban Cuba|Cypriot Cyprus
Czech Czech Republic|Danish Denmark|Dutch Netherlands|Ecuadorian Ecuador|Egyptian Egypt
English England|Estonian Estonia|Ethiopian Ethiopia|Finnish Finland|French France
German Germany|Ghanaian Ghana|Greek Greece|Hungarian Hungary|Icelandic Iceland|Indian India
Indonesian Indonesia|Iranian Iran|Iraqi Iraq|Irish Ireland|Israeli Israel|Italian Italy
Jamaican Jamaica|Japanese Japan|Kazakhstani Kazakhstan|Kenyan Kenya|Latvian Latvia
Lebanese Lebanon|Lithuanian Lithuania|Malaysian Malaysia|Maltese Malta|Mexican Mexico
Moroccan Morocco|Nepalese Nepal|New Zealand New Zealand|Nigerian Nigeria|Norwegian Norway
Pakistani Pakistan|Paraguayan Paraguay|Peruvian Peru|Filipino Philippines|Polish Poland
Portuguese Portugal|Romanian Romania|Russian Russia|Scottish Scotland|Senegalese Senegal
Serbian Serbia|Singaporean Singapore|Slovak Slovakia|Slovenian Slovenia|South African South Africa
South Korean South Korea|Spanish Spain|Sri Lankan Sri Lanka|Swedish Sweden|Swiss Switzerland
Syrian Syria|Taiwanese Taiwan|Thai Thailand|Tunisian Tunisia|Turkish Turkey|Ukrainian Ukraine
Uruguayan Uruguay|Venezuelan Venezuela|Vietnamese Vietnam|Welsh Wales|Zimbabwean Zimbabwe
"""
_TWO_WORD_DEMONYMS = ("New Zealand ", "South African ", "South Korean ", "Sri Lankan ")


def _read_table() -> dict[str, str]:
    countries: dict[str, str] = {}
    for entry in _TABLE.strip().replace("\n", "|").split("|"):
        words = 2 if entry.startswith(_TWO_WORD_DEMONYMS) else 1
        parts = entry.split()
        countries[" ".join(parts[:words])] = " ".join(parts[words:])
    return countries


COUNTRY_OF_DEMONYM: dict[str, str] = _read_table()
COUNTRIES: frozenset[str] = frozenset(COUNTRY_OF_DEMONYM.values())
