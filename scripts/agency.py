#!/usr/bin/env python3
"""Writes a backup of a made-up agency to standard output, to measure `casting restore` and `casting backup` with.

    scripts/agency.py [ACTORS] [MOVIES] [CREDITS]
"""

import datetime
import hashlib
import json
import random
import sys

LARGE_CAST = 200  # credits, which take seven requests
MOVIES_A_LARGE_CAST = 50


def lines(actors: int, movies: int, credits: int):
    """Actors, and movies whose casts have so many credits in all. Ids have gaps, as after deletions."""
    dice = random.Random(5)
    for number in range(1, actors + 1):
        name = f"{dice.choice(['Ida', 'Max', 'Eva', 'Zoë', 'Udo'])} Example {number}"
        yield {"actor": {"id": number * 3, "name": name, "age": dice.randint(0, 150), "gender": dice.choice("fmd")}}
    for number in range(1, movies + 1):
        left = movies - number + 1
        size = LARGE_CAST if number * MOVIES_A_LARGE_CAST <= movies else credits // left
        cast = dice.sample(range(1, actors + 1), min(size, actors, credits))
        credits -= len(cast)
        cast = [{"actor_id": actor * 3, "character": f"Role {actor}", "billing": place % 1000 + 1} for place, actor in enumerate(sorted(cast))]
        date = datetime.datetime(dice.randint(1900, 2026), 5, dice.randint(1, 28), 14, 2, 13)
        date = date.strftime("%a, %d %b %Y %H:%M:%S GMT")
        yield {"movie": {"id": number * 2, "title": f"An Example {number}", "release_date": date, "cast": cast}}


def main() -> None:
    actors, movies, credits = [int(number) for number in sys.argv[1:]] or [50_000, 5_000, 100_000]
    rows = list(lines(actors, movies, credits))
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    credits = sum(len(row["movie"]["cast"]) for row in rows if "movie" in row)
    header = {
        "format": "casting-agency-backup", "version": 1, "api": "made up", "begun": "", "ended": "", "as_of": None, "changes": 0,
        "actors": actors, "movies": movies, "credits": credits, "digest": f"sha256:{hashlib.sha256(body).hexdigest()}",
    }
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + body)


if __name__ == "__main__":
    main()
