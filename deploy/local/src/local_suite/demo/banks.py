"""The eight banks of the demo: real names, made-up figures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bank:
    """A bank's account and how lively it is."""

    account: str
    name: str
    # The word that its hashtags begin with.
    tag: str
    # Followers on the first day, and how many come a day on the average.
    followers: int
    daily_growth: float
    following: int
    # Posts a day on the average, and engagement of an average post per thousand followers.
    posts_a_day: float
    engagement: float
    # A central bank informs and sells nothing.
    central: bool = False


BANKS = (
    Bank("BCPComunica", "BCP", "BCP", 212_000, 95.0, 310, 4.2, 1.9),
    Bank("Interbank", "Interbank", "Interbank", 168_000, 78.0, 540, 3.8, 2.3),
    Bank("bbva_peru", "BBVA", "BBVA", 131_000, 64.0, 420, 3.4, 1.7),
    Bank("ScotiabankPE", "Scotiabank", "Scotiabank", 88_000, 31.0, 260, 2.7, 1.4),
    Bank("BancodelaNacion", "Banco de la Nación", "BancoDeLaNacion", 193_000, 52.0, 180, 2.9, 1.2),
    Bank("bcrpoficial", "BCRP", "BCRP", 301_000, 58.0, 95, 3.1, 0.9, central=True),
    Bank("BancoPichincha", "Banco Pichincha", "Pichincha", 41_000, 17.0, 350, 2.1, 1.6),
    Bank("BanBif", "BanBif", "BanBif", 27_500, 14.0, 290, 2.0, 1.8),
)
