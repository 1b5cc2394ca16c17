"""How many paths there are in the worlds that the tests explore: README says the sums, and the tests compare."""

from __future__ import annotations

PATHS: dict[tuple[str, int], int] = {
    ("s1-t2-k2-m1-f0-empty-run", 2): 26_403,
    ("s1-t2-k3-m1-f3-over-cron", 2): 62_139,
    ("s1-t2-k4-m1-f0-full-run", 2): 42_314,
    ("s1-t2-k4-m2-f1-over-run", 2): 42_164,
    ("s1-t2-k5-m1-f2-empty-run", 2): 23_584,
    ("s2-t2-k2-m1-f3-half-cron", 2): 78_061,
    ("s1-t2-k2-m1-f0-empty-bare", 1): 204,
    ("s1-t2-k2-m1-f0-over-run", 1): 277,
    ("s1-t2-k2-m1-f1-empty-run", 1): 193,
    ("s1-t2-k2-m1-f2-over-run", 1): 319,
    ("s1-t2-k2-m1-f3-full-run", 1): 273,
    ("s1-t2-k3-m1-f0-half-run", 1): 199,
    ("s1-t2-k3-m1-f1-full-run", 1): 279,
    ("s1-t2-k4-m1-f0-full-bare", 1): 279,
    ("s1-t2-k4-m1-f2-half-run", 1): 237,
    ("s1-t2-k4-m1-f3-empty-run", 1): 191,
    ("s1-t3-k2-m2-f2-full-run", 1): 418,
    ("s1-t3-k3-m2-f1-half-cron", 1): 513,
    ("s1-t3-k5-m1-f0-full-cron", 1): 583,
    ("s2-t2-k3-m1-f1-half-bare", 1): 250,
    ("s2-t2-k3-m1-f2-empty-run", 1): 242,
    ("s2-t2-k4-m1-f2-full-cron", 1): 461,
    ("s2-t2-k5-m1-f1-half-run", 1): 251,
    ("s2-t3-k4-m2-f0-empty-cron", 1): 602,
    ("s2-t3-k5-m2-f3-over-run", 1): 701,
    ("s1-t1-k2-m1-f0-empty-pair", 1): 268_510_622,
    ("s1-t1-k2-m1-f0-over-pair", 1): 286_513_746,
    ("s1-t1-k3-m1-f2-full-pair", 1): 92_600_580,
    ("s1-t1-k4-m1-f0-full-pair", 1): 84_128_394,
    ("s1-t1-k5-m1-f0-full-pair", 1): 84_129_088,
}
"""By world and number of faults."""

PAGED: dict[tuple[str, int], int] = {
    ("s1-t2-k2-m1-f0-empty-run-p2", 2): 28_800,
    ("s1-t2-k4-m1-f0-full-bare-p3", 1): 791,
    ("s1-t2-k5-m1-f0-full-cron-p2", 1): 1_549,
    ("s2-t2-k2-m1-f3-half-cron-p2", 1): 2_404,
    ("s2-t2-k5-m1-f1-half-run-p2", 1): 1_220,
    ("s1-t1-k5-m1-f0-full-pair-p2", 0): 2_785_160,
}
"""The same, of worlds in which lists come in pages."""
