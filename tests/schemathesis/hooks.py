"""What schemathesis has to be told beside docs/openapi.yaml: how dates are spelled, and which refusals of sound data are right."""

import datetime
import itertools
import re

import schemathesis
from hypothesis import strategies as st

MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

# The years of the contract, less a day at either end: an offset may move a moment by as much.
DAYS = st.dates(datetime.date(1800, 1, 2), datetime.date(9999, 12, 30))


def spelled(day: datetime.date) -> st.SearchStrategy[str]:
    """A day in each of the contract's spellings that have one reading."""
    year, month, number = day.year, MONTHS[day.month - 1], day.day
    spellings = [
        f"{year}-{day.month:02}-{number:02}",
        f"{year}.{day.month}.{number}",
        f"{year}/{day.month}/{number}",
        f"{month} {number}, {year}",
        f"{month[:3]} {number},{year}",
        f"{number} {month} {year}",
        f"{WEEKDAYS[day.weekday()][:3]}, {number:02} {month[:3]} {year}",
    ]
    if number > 12:  # as a month it would be another day
        spellings += [f"{day.month}/{number}/{year}", f"{number}-{day.month}-{year}", f"{number}.{day.month}.{year}"]
    return st.sampled_from(spellings)


CLOCKS = st.times().map(lambda time: time.strftime("%H:%M:%S"))
TIMES = st.builds("{}{}".format, st.sampled_from(["T", " ", "t"]), CLOCKS | CLOCKS.map(lambda clock: clock[:5]))
OFFSETS = st.sampled_from(["", "Z", "+02:00", "-0530", "+14", " GMT", " EST", " +0000 (UTC)"])
DATES = st.builds("{}{}".format, DAYS.flatmap(spelled), st.just("") | st.builds("{}{}".format, TIMES, OFFSETS))
schemathesis.openapi.format("release-date", DATES)

KEYS = itertools.count()


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """In a sequence of requests, makes every key a new one.

    A sequence is repeated to be varied, and by then an earlier key's row is gone again: the answer would be another one, and
    schemathesis would give up. The other phases send keys as they come, twice among it.
    """
    if case.meta is not None and case.meta.phase.name.value == "stateful" and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:200]}-{next(KEYS)}"


# What a schema cannot say of sound data: a field, and the rule that it broke where others of its rules are in the schema.
UNTOLD = [
    ("Idempotency-Key", "was used with another body"),  # schemathesis likes to send a key twice
    ("name|title", "must be a text of 1 to 200 characters without control characters, with more than accents and dashes"),  # once folded
    ("cursor", ""),  # opaque, and of one list alone
    ("after", ""),  # not beside every order, nor beside a cursor
    (r"cast", ""),  # at most 33 changes, which depends on the present cast
    (r"cast\[\d+\]", ""),  # one entry an actor
    (r"cast\[\d+\]\.actor_id", ""),  # of an actor that exists
]

# As above, of a request in strict mode: the schemas name no member that is not there, and forbid none.
UNTOLD_STRICTLY = [
    (r"[\s\S]*", "is an unknown "),
    ("id", "is chosen by the server"),
]


@schemathesis.check
def sound_data_breaks_no_rule_of_the_schema(ctx, response, case):
    """A 422 to sound data names nothing but what the schema cannot say."""
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    strictly = "strict" in case.headers.get("Prefer", "").lower()
    untold = UNTOLD + UNTOLD_STRICTLY if strictly else UNTOLD
    for fault in response.json()["details"]:
        field, message = fault["field"], fault["message"]
        known = any(re.fullmatch(name, field) and message.startswith(rule) for name, rule in untold)
        assert known, f"{field} {message}"
