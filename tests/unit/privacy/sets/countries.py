"""Thirty countries: how people there write telephone numbers, accounts, names and the words before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from phonenumbers import (
    PhoneNumberFormat,
    PhoneNumberType,
    example_number_for_type,
    format_number,
    is_valid_number,
    parse,
)


@dataclass(frozen=True, slots=True)
class Country:
    """A country's conventions.

    Attributes:
        name: as in ISO 3166-1.
        phone: a word before telephone numbers.
        mail: a word before e-mail addresses.
        card: a word before card numbers.
        account: form of account numbers after the check digits: ``9`` a digit, ``A`` a letter. Empty without IBAN.
        local: names, as in addresses.
        domain: a domain of companies there.
    """

    name: str
    phone: str
    mail: str
    card: str
    account: str
    local: tuple[str, ...]
    domain: str


def _country(name: str, phone: str, mail: str, card: str, account: str, local: str, domain: str) -> Country:
    return Country(name, phone, mail, card, account, tuple(local.split()), domain)


COUNTRIES = (
    _country("US", "Phone:", "Email:", "Card:", "", "john.miller sarah_lee mike42", "northwind.com"),
    _country("GB", "Tel", "E-mail", "card number", "AAAA" + "9" * 14, "oliver.smith emma-j", "harbour.co.uk"),
    _country("DE", "Telefon", "Mail", "Kreditkarte", "9" * 18, "anna.berg j.mueller", "werkzeug-gmbh.de"),
    _country("FR", "T\u00e9l.", "courriel", "carte bancaire", "9" * 23, "camille.durand p.martin", "boulangerie.fr"),
    _country("ES", "Tel\u00e9fono", "correo", "tarjeta", "9" * 20, "lucia.garcia pablo_r", "tienda.es"),
    _country("IT", "Tel.", "e-mail", "carta di credito", "A" + "9" * 22, "giulia.rossi marco", "officina.it"),
    _country("PT", "Telefone", "e-mail", "cart\u00e3o", "9" * 21, "ana.silva joao.costa", "loja.pt"),
    _country("NL", "tel", "e-mail", "kaart", "AAAA" + "9" * 10, "sanne.devries daan", "fietsen.nl"),
    _country("BE", "tel", "mail", "carte", "9" * 12, "lotte.peeters", "chocolat.be"),
    _country("AT", "Tel.", "E-Mail", "Karte", "9" * 16, "lukas.gruber", "alm.at"),
    _country("CH", "Tel.", "E-Mail", "Karte", "9" * 17, "reto.keller", "berge.ch"),
    _country("SE", "tel", "e-post", "kort", "9" * 20, "elsa.lund", "fika.se"),
    _country("NO", "tlf", "e-post", "kort", "9" * 11, "ingrid.hansen", "fjord.no"),
    _country("DK", "tlf", "mail", "kort", "9" * 14, "freja.nielsen", "cykel.dk"),
    _country("FI", "puh", "e-mail", "kortti", "9" * 14, "aino.virtanen", "sauna.fi"),
    _country("PL", "tel.", "e-mail", "karta", "9" * 24, "zofia.nowak", "sklep.pl"),
    _country("CZ", "tel.", "e-mail", "karta", "9" * 20, "eliska.novakova", "pivo.cz"),
    _country(
        "GR", "\u03c4\u03b7\u03bb.", "email", "\u03ba\u03ac\u03c1\u03c4\u03b1", "9" * 23, "eleni.papas", "nisi.gr"
    ),
    _country("TR", "Telefon:", "e-posta", "kart", "9" * 22, "ayse.yilmaz", "pazar.com.tr"),
    _country("RO", "telefon", "e-mail", "card", "AAAA" + "9" * 16, "ioana.popescu", "magazin.ro"),
    _country(
        "RU",
        "\u0442\u0435\u043b.",
        "\u043f\u043e\u0447\u0442\u0430",
        "\u043a\u0430\u0440\u0442\u0430",
        "",
        "ivan.petrov olga",
        "magazin.ru",
    ),
    _country(
        "UA",
        "\u0442\u0435\u043b.",
        "\u043f\u043e\u0448\u0442\u0430",
        "\u043a\u0430\u0440\u0442\u043a\u0430",
        "9" * 25,
        "olena.koval",
        "kyiv.ua",
    ),
    _country(
        "IL",
        "\u05d8\u05dc\u05e4\u05d5\u05df",
        "mail",
        "\u05db\u05e8\u05d8\u05d9\u05e1",
        "9" * 19,
        "noa.cohen",
        "shuk.co.il",
    ),
    _country(
        "AE", "\u0647\u0627\u062a\u0641", "mail", "\u0628\u0637\u0627\u0642\u0629", "9" * 19, "fatima.ali", "souk.ae"
    ),
    _country("IN", "mobile:", "email", "card", "", "priya.sharma arjun99", "chai.in"),
    _country("CN", "\u624b\u673a", "\u90ae\u7bb1", "\u5361\u53f7", "", "zhang.wei 10086223", "qq.com"),
    _country(
        "JP",
        "\u96fb\u8a71",
        "\u30e1\u30fc\u30eb",
        "\u30ab\u30fc\u30c9\u756a\u53f7",
        "",
        "tanaka suzuki.h",
        "shop.co.jp",
    ),
    _country("KR", "\uc804\ud654", "\uc774\uba54\uc77c", "\uce74\ub4dc\ubc88\ud638", "", "minjun.kim", "gage.co.kr"),
    _country("BR", "celular:", "e-mail", "cart\u00e3o", "9" * 23 + "AA", "beatriz.souza", "padaria.com.br"),
    _country(
        "TH",
        "\u0e42\u0e17\u0e23",
        "\u0e2d\u0e35\u0e40\u0e21\u0e25",
        "\u0e1a\u0e31\u0e15\u0e23",
        "",
        "somchai.j",
        "talat.co.th",
    ),
)

_TYPES = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
FORMS: Mapping[str, int] = {
    "international": PhoneNumberFormat.INTERNATIONAL,
    "E.164": PhoneNumberFormat.E164,
    "national": PhoneNumberFormat.NATIONAL,
}


def phone_number(rng: Random, country: Country, form: str) -> str:
    """A valid number of the country: the library's example with other last digits."""
    example = example_number_for_type(country.name, rng.choice(_TYPES))
    assert example is not None
    stem = format_number(example, PhoneNumberFormat.E164)
    for _ in range(200):
        changed = stem[:-4] + "".join(rng.choice("0123456789") for _ in range(4))
        number = parse(changed, None)
        if is_valid_number(number):
            return format_number(number, FORMS[form])
    return format_number(example, FORMS[form])


def account_number(rng: Random, country: Country) -> str:
    """An IBAN (ISO 13616) with valid check digits, in one piece."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    rest = "".join(rng.choice("0123456789") if place == "9" else rng.choice(letters) for place in country.account)
    spelt = "".join(str(int(char, 36)) for char in f"{rest}{country.name}00")
    return f"{country.name}{98 - int(spelt) % 97:02}{rest}"


def email_address(rng: Random, country: Country) -> str:
    local = rng.choice(country.local) + rng.choice(("", "", str(rng.randint(1, 99)), "+news"))
    return f"{local}@{rng.choice(('', '', 'mail.'))}{country.domain}"
