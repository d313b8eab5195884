"""Invented participants, visits and specimens: always the same for the same size, in many scripts."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

NAMES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("Ida", "Jonas", "Maëlle", "Zoë"), ("Moreau", "Lindqvist", "Núñez", "O'Hara", "van der Berg")),
    (("Łucja", "Dušan", "Ilze", "Şebnem"), ("Wójcik", "Dvořák", "Bērziņš", "Yıldız", "Nguyễn")),
    (("Ελένη", "Γιώργος"), ("Παπαδοπούλου", "Νικολαΐδης")),
    (("Анна", "Олексій", "Борис"), ("Ковальчук", "Иванова", "Петровић")),
    (("ליאור", "נועה"), ("כהן", "בן־דוד")),
    (("ليلى", "يوسف"), ("الحداد", "بن علي")),
    (("अनन्या", "रोहन"), ("शर्मा", "पटेल")),
    (("田中", "さくら"), ("佐藤", "鈴木")),
    (("伟", "秀英"), ("王", "欧阳")),
    (("지우", "민준"), ("김", "남궁")),
    (("สมชาย", "มาลี"), ("ใจดี", "ศรีสุข")),
    (("ሰላም", "ዳዊት"), ("ተስፋዬ", "ከበደ")),
    (("თამარ", "გიორგი"), ("ბერიძე", "მაისურაძე")),
)
LEAP_DAYS = (date(1952, 2, 29), date(1976, 2, 29), date(2000, 2, 29))
RACES = ("White", "Black or African American", "Asian", "Not Reported", "Unknown")
ETHNICITIES = ("Hispanic or Latino", "Not Hispanic or Latino", "Unknown")
STATUSES = ("Operative", "Pre-Operative", "Post-Operative", "Follow-up")
FIRST_DAY = date(2023, 2, 20)


@dataclass(frozen=True)
class Cast:
    """What one run of the demo imports; the codes of the protocol's events are BL and M6."""

    protocol: str
    sites: tuple[str, ...]
    participants: int = 1000
    seed: int = 20
    random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "random", Random(self.seed))  # noqa: S311 - invented people, no secrets

    def registrations(self) -> Iterator[dict[str, object]]:
        """One row of schema `cpr` per participant."""
        pick = self.random
        for n in range(self.participants):
            first_names, last_names = NAMES[n % len(NAMES)]
            site = self.sites[n % len(self.sites)]
            yield {
                "CP Short Title": self.protocol,
                "PPID": self.ppid(n),
                "Registration Date": us(self.registered(n)),
                "Registration Site": site,
                "First Name": pick.choice(first_names),
                "Last Name": pick.choice(last_names),
                "Date Of Birth": us(self.born(n)),
                "Gender": ("Female", "Male", "Female", "Male", "Unknown")[n % 5],
                "Race#1": RACES[n % len(RACES)],
                "Vital Status": "Alive",
                "Ethnicity#1": ETHNICITIES[n % len(ETHNICITIES)],
                "PMI#1#Site Name": site,
                "PMI#1#MRN": f"{self.protocol}-{n:06d}",
            }

    def visits(self) -> Iterator[dict[str, object]]:
        """Two rows of schema `visit` per participant."""
        for n in range(self.participants):
            for event, label, days in (("BL", "Baseline", 0), ("M6", "Month 6", 182)):
                yield {
                    "CP Short Title": self.protocol,
                    "PPID": self.ppid(n),
                    "Event Label": label,
                    "Name": f"{self.ppid(n)}-{event}",
                    "Visit Date": us(self.registered(n) + timedelta(days=days)),
                    "Visit Site": self.sites[n % len(self.sites)],
                    "Visit Status": "Complete",
                    "Clinical Diagnosis#1": "Not Specified",
                    "Clinical Status": STATUSES[n % len(STATUSES)],
                    "Comments": 'fasting, 12 h; "quiet" room\nsecond line' if n % 97 == 0 else "",
                }

    def primaries(self) -> Iterator[dict[str, object]]:
        """Two rows of schema `specimen` per visit: whole blood and plasma, 4 a participant."""
        for n in range(self.participants):
            for event, days in (("BL", 0), ("M6", 182)):
                taken = datetime.combine(self.registered(n), datetime.min.time()) + timedelta(
                    days=days, hours=8, minutes=n % 240
                )
                for code, kind, volume in (("WB", "Whole Blood", 8), ("PL", "Plasma", 4.5)):
                    yield {
                        "CP Short Title": self.protocol,
                        "Visit Name": f"{self.ppid(n)}-{event}",
                        "Specimen Label": f"{self.ppid(n)}-{event}-{code}",
                        "Class": "Fluid",
                        "Type": kind,
                        "Lineage": "New",
                        "Anatomic Site": "Blood",
                        "Laterality": "Not Applicable",
                        "Collection Status": "Collected",
                        "Pathological Status": "Not Specified",
                        "Initial Quantity": volume,
                        "Available Quantity": volume,
                        "Collection Event#Date and Time": f"{taken:%m-%d-%Y %H:%M}",
                        "Collection Event#Procedure": "Venipuncture",
                        "Collection Event#Container": "EDTA Vacutainer",
                        "Received Event#Date and Time": f"{taken + timedelta(minutes=40):%m-%d-%Y %H:%M}",
                        "Received Event#Quality": "Acceptable",
                    }

    def aliquots(self) -> Iterator[dict[str, object]]:
        """One row of schema `specimenAliquot` per plasma: three tubes each, 6 a participant."""
        for n in range(self.participants):
            for event in ("BL", "M6"):
                parent = f"{self.ppid(n)}-{event}-PL"
                yield {
                    "CP Short Title": self.protocol,
                    "Parent Specimen Label": parent,
                    "Specimen Labels": ",".join(f"{parent}_{tube}" for tube in (1, 2, 3)),
                    "Number of Aliquots": 3,
                    "Quantity per Aliquot": 1.5,
                }

    def ppid(self, n: int) -> str:
        return f"{self.protocol}-{n + 1:05d}"

    def registered(self, n: int) -> date:
        return FIRST_DAY + timedelta(days=n % 500)

    def born(self, n: int) -> date:
        """Any day of the last century; every tenth was born on a leap day."""
        if n % 10 == 0:
            return LEAP_DAYS[n // 10 % len(LEAP_DAYS)]
        year = 1930 + n * 7 % 75
        month = 1 + n % 12
        return date(year, month, 1 + n * 11 % calendar.monthrange(year, month)[1])


def us(day: date) -> str:
    """The default date format of the server, MM-dd-yyyy."""
    return f"{day:%m-%d-%Y}"
