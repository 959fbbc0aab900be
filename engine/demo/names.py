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
