//! The demo's actors and movies, and who plays in which.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::dice::Dice;
use super::names::{Gender, person_name, place_name};
use super::{ACTORS, MOVIES};

/// The seed of the dice. A change of it changes the whole agency.
const SEED: u64 = 1927;
/// The year to which the ages refer.
const PRESENT: usize = 2026;
/// The ages, from the youngest to the oldest.
const AGES: std::ops::RangeInclusive<usize> = 4..=88;
/// The years of release, the last of them in the future.
const YEARS: std::ops::RangeInclusive<usize> = 1955..=2034;
/// How many entries of a cast have a billing; the rest have none.
const BILLED: usize = 8;

/// The agency before any row has an id.
pub(super) struct Agency {
    actors: Vec<Actor>,
    movies: Vec<Movie>,
}

struct Actor {
    name: String,
    age: usize,
    gender: Gender,
}

struct Movie {
    title: String,
    release_date: String,
    cast: Vec<Part>,
}

struct Part {
    /// The actor's index in the agency, from 0.
    actor: usize,
    character: Option<&'static str>,
    billing: Option<usize>,
}

impl Agency {
    pub(super) fn new() -> Self {
        let mut dice = Dice::new(SEED);
        let mut known_names = HashSet::new();
        let actors: Vec<_> = (0..ACTORS)
            .map(|index| Actor::new(&mut dice, index, &mut known_names))
            .collect();
        let mut known_titles = HashSet::new();
        let movies = (0..MOVIES)
            .map(|index| Movie::new(&mut dice, index, &actors, &mut known_titles))
            .collect();
        Self { actors, movies }
    }

    /// The request bodies that add the actors.
    pub(super) fn actors(&self) -> Vec<Value> {
        let body = |Actor { name, age, gender }: &Actor| json!({"name": name, "age": age, "gender": gender.as_str()});
        self.actors.iter().map(body).collect()
    }

    /// The request bodies that add the movies; `ids` are the actors' ids in the agency's order.
    pub(super) fn movies(&self, ids: &[u64]) -> Vec<Value> {
        let body = |Movie {
                        title,
                        release_date,
                        cast,
                    }: &Movie| {
            let cast: Vec<_> = cast.iter().map(|part| part.body(ids)).collect();
            json!({"title": title, "release_date": release_date, "cast": cast})
        };
        self.movies.iter().map(body).collect()
    }
}

impl Actor {
    /// `index` is the actor's index in the agency, from 0.
    fn new(dice: &mut Dice, index: usize, known_names: &mut HashSet<String>) -> Self {
        let gender = match dice.below(20) {
            0..=9 => Gender::Female,
            10..=17 => Gender::Male,
            _ => Gender::NonBinary,
        };
        // 37 shares no factor with the number of ages, so the steps visit every age.
        let age = AGES.start() + index * 37 % AGES.count();
        Self {
            name: unique(known_names, || person_name(dice, gender)),
            age,
            gender,
        }
    }

    /// Whether somebody who has this age now could have been in a film of that year.
    fn could_play_in(&self, year: usize) -> bool {
        self.age + year >= PRESENT + AGES.start()
    }
}

impl Movie {
    /// `index` is the movie's index in the agency, from 0.
    fn new(
        dice: &mut Dice,
        index: usize,
        actors: &[Actor],
        known_titles: &mut HashSet<String>,
    ) -> Self {
        let year = YEARS.start() + index * (YEARS.end() - YEARS.start()) / (MOVIES - 1);
        let release_date = format!("{year}-{:02}-{:02}", 1 + dice.below(12), 1 + dice.below(28));
        let title = unique(known_titles, || title(dice, index));
        Self {
            title,
            release_date,
            cast: cast(dice, actors, year),
        }
    }
}

impl Part {
    fn body(&self, ids: &[u64]) -> Value {
        json!({"actor_id": ids.get(self.actor), "character": self.character, "billing": self.billing})
    }
}

/// Three to twelve actors who could have played in that year, no two with the same character.
fn cast(dice: &mut Dice, actors: &[Actor], year: usize) -> Vec<Part> {
    let able: Vec<_> = (0..actors.len())
        .filter(|actor| actors[*actor].could_play_in(year))
        .collect();
    let count = 3 + dice.below(10);
    let chosen = dice.draw(&able, count);
    let characters = dice.draw(&CHARACTERS, count);
    let parts = chosen.into_iter().zip(characters).enumerate();
    parts
        .map(|(rank, (actor, character))| Part {
            actor,
            character: (dice.below(8) > 0).then_some(character),
            billing: (rank < BILLED).then_some(rank + 1),
        })
        .collect()
}

/// The title of a film that does not exist.
fn title(dice: &mut Dice, index: usize) -> String {
    if index % 8 == 7 {
        return TITLES[index / 8 % TITLES.len()].to_owned();
    }
    let (thing, place) = (dice.one_of(&THINGS), place_name(dice));
    match dice.below(5) {
        0 => format!("The {thing} of {place}"),
        1 => format!("{} {thing} in {place}", article(thing)),
        2 => place,
        3 => format!("Beyond the {thing} of {place}"),
        _ => format!("The Last {thing} in {place}"),
    }
}

/// The article before one of the [`THINGS`].
fn article(thing: &str) -> &'static str {
    if thing.starts_with(['A', 'É', 'O']) {
        "An"
    } else {
        "A"
    }
}

/// Calls `make` until it returns a text that is not yet known.
fn unique(known: &mut HashSet<String>, mut make: impl FnMut() -> String) -> String {
    loop {
        let made = make();
        if known.insert(made.clone()) {
            return made;
        }
    }
}

const THINGS: [&str; 16] = [
    "Apiary",
    "Barometer",
    "Cartographer",
    "Drawbridge",
    "Échappée",
    "Foghorn",
    "Glasshouse",
    "Harvest",
    "Lantern",
    "Mapmaker",
    "Nocturne",
    "Orrery",
    "Quarry",
    "Saltworks",
    "Tidewatcher",
    "Weathercock",
];

/// Every eighth movie has one of these titles; each is used once.
const TITLES: [&str; 6] = [
    "Ночь над Звездобором",
    "Η σιωπή της Φεγγαροβούνης",
    "霧ノ峰森の灯",
    "별나루의 마지막 봄",
    "ليلة في القمرزار",
    "नीलवनज की रात",
];

const CHARACTERS: [&str; 24] = [
    "The Beekeeper",
    "The Cartographer",
    "The Night Porter",
    "The Ferryman's Daughter",
    "The Clockmaker",
    "The Other Twin",
    "Captain Ørnfane",
    "Inspector Vészgrell",
    "Doctor Nevésparrow",
    "Judge Palthistle",
    "Professor Ískarundel",
    "Aunt Philoména",
    "Old Tobiás",
    "Young Tobiás",
    "Sister Agáthe",
    "La Voyageuse",
    "Die Fährfrau",
    "El Farero",
    "Смотрительница маяка",
    "Ο Φαροφύλακας",
    "灯台守",
    "등대지기",
    "حارسة المنارة",
    "A Voice on the Radio",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agency_is_the_same_each_time() {
        let ids: Vec<_> = (1..=ACTORS as u64).collect();
        let (one, other) = (Agency::new(), Agency::new());
        assert_eq!(
            (one.actors(), one.movies(&ids)),
            (other.actors(), other.movies(&ids))
        );
    }

    #[test]
    fn ages_and_genders_and_years_are_all_there() {
        let Agency { actors, movies } = Agency::new();
        assert!({ AGES }.all(|age| actors.iter().any(|actor| actor.age == age)));
        for gender in [Gender::Female, Gender::Male, Gender::NonBinary] {
            assert!(
                actors.iter().filter(|actor| actor.gender == gender).count() >= 10,
                "{gender:?}"
            );
        }
        let years = |movie: &Movie| movie.release_date[..4].parse::<usize>().unwrap();
        let years: HashSet<_> = movies.iter().map(years).collect();
        assert!(years.contains(YEARS.start()) && years.contains(YEARS.end()));
    }

    #[test]
    fn a_cast_is_of_three_to_twelve_who_were_born_by_then() {
        let Agency { actors, movies } = Agency::new();
        for movie in movies {
            let year = movie.release_date[..4].parse().unwrap();
            let different: HashSet<_> = movie.cast.iter().map(|part| part.actor).collect();
            assert!(
                (3..=12).contains(&movie.cast.len()) && different.len() == movie.cast.len(),
                "{}",
                movie.title
            );
            assert!(
                different
                    .into_iter()
                    .all(|actor| actors[actor].could_play_in(year)),
                "{}",
                movie.title
            );
        }
    }
}
