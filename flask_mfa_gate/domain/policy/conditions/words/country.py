"""``country``: where the address is, by ISO 3166-1 code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...facts import Environment, Subject
from ...reading import texts_of
from ..backing import Backing
from ..condition_type import Networks, Source, Wanted
from ..listed import ListedWord
from ..sampling import Sample

# XK is no ISO code, yet GeoIP databases answer it for Kosovo.
_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_CODES.split())


def _country(subject: Subject, environment: Environment) -> str | None:
    return environment.country


@dataclass(frozen=True, slots=True)
class CountryWord(ListedWord):
    """A list of countries; the gate knows how many there are."""

    @property
    def schema(self) -> Mapping[str, object]:
        """Two letters in any case."""
        return {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"^\s*[A-Za-z]{2}\s*$"}}

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """Evidence, as long as most countries are left out."""
        taken = len(texts_of(wanted))
        # SECURITY: everybody but a few is out of a country, so to be out of it proves nothing.
        most = (len(COUNTRIES) - taken if negated else taken) * 2 >= len(COUNTRIES)
        return Backing.ANYBODY if most else Backing.EVIDENCE


def _sample(code: str) -> Sample:
    return Subject(""), Environment(country=code)


COUNTRY = CountryWord(
    "country", _country, COUNTRIES, upper=True, sources=frozenset({Source.GEOIP}), sample=_sample,
    facts=frozenset({"country"}),
)  # fmt: skip
