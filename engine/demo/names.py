"""The words from which the demonstration's customers, places and goods are made."""

from __future__ import annotations

FIRST_NAMES = (
    "Łukasz",
    "Żaneta",
    "Grażyna",
    "Michał",
    "Agnieszka",
    "Józef",
    "Małgorzata",
    "Sławomir",
    "Zofia",
    "Paweł",
)
LAST_NAMES = ("Żółkiewski", "Śliwa", "Dąbek", "Wróbel", "Gęsior", "Łącki", "Jaźwiec", "Ćwik", "Zając", "Olszański")
TRADES = ("Hurtownia", "Instalacje", "Zakład", "Składnica", "Usługi", "Narzędzia")
LEGAL_FORMS = ("sp. z o.o.", "S.A.", "sp. j.", "- Wójcik i Syn", '"Źródło"')
STREETS = ("Długa", "Świętej Anny", "Łąkowa", "Żeromskiego", "Polna", "Kościuszki")

CITIES = (  # zip code, name
    ("00-001", "Warszawa"),
    ("30-001", "Kraków"),
    ("90-001", "Łódź"),
    ("50-001", "Wrocław"),
    ("60-001", "Poznań"),
    ("80-001", "Gdańsk"),
)

GOODS = ("Śruba", "Kabel", "Złączka", "Wąż", "Łożysko", "Kołek", "Pręt", "Żarówka", "Farba", "Klej")
UNITS = (("szt", 0), ("szt", 0), ("l", 1), ("m", 2), ("kg", 3))  # unit, decimal places of its quantities

SEGMENTS = (  # code, name, parent: one level, because a child would be sent one run after its parent
    ("HURT", "Hurtownie", None),
    ("INST", "Instalatorzy", None),
    ("ELEK", "Elektrycy (niskie napięcie)", None),
    ("DETAL", "Sklepy i małe firmy", None),
    ("PROD", "Zakłady produkcyjne", None),
)

BLOCKADES = (  # code, name, severity; the codes are those that the stand-in has configured
    ("OVERDUE-30", "Zaległość ponad 30 dni: bez kredytu", 1),
    ("OVERDUE-60", "Zaległość ponad 60 dni: wstrzymana sprzedaż", 2),
    ("CLOSED", "Współpraca zakończona", 3),
)

UNIT_CODES = {"szt": "C62", "l": "LTR", "m": "MTR", "kg": "KGM"}  # UN/ECE
MANUFACTURERS = ("Żelstal", "Elektra Łódź", "Norton & Syn", "Gwint S.A.")

SELLERS = (  # code, name, TIN, street, zip code, city, country
    ("GL", "Hurtownia Przykładowa sp. z o.o.", "1111111111", "Kościuszki 1", "00-001", "Warszawa", "PL"),
    ("PN", "Hurtownia Przykładowa Północ sp. j.", "2222222222", "Żeromskiego 7", "80-001", "Gdańsk", "PL"),
)
EMPLOYEES = (  # id, name, email, phone
    ("00000000-0000-4000-8000-000000000001", "Bożena Śliwa", "b.sliwa@example.invalid", "+48 002 000 001"),
    ("00000000-0000-4000-8000-000000000002", "Wiesław Żak", "w.zak@example.invalid", None),
)
PAYMENTS = (("PRZELEW", "Przelew"), ("GOTOWKA", "Gotówka"), ("KARTA", "Karta płatnicza"))
DELIVERIES = (("KURIER", "Kurier"), ("ODBIOR", "Odbiór osobisty"))
STATUSES = ("przyjęte", "w kompletacji", "wysłane", None)
FEES = ("KGO", "KAUCJA")  # recycling, deposit
