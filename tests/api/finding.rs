//! Finding rows: every parameter, alone and with others, compared with a model that checks every
//! row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use chrono::{DateTime, NaiveDate};
use futures_util::{StreamExt, stream};
use local::Role::{Assistant, Producer};
use serde_json::{Value, json};
use shared::model::{Actor, Age, Gender, Id, Name};
use shared::store::Record;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::support::proxy::{Call, Proxy};
use crate::support::random::{Random, seeds};
use crate::support::{Api, send, with_json};

/// The rows of each kind as JSON, and who is cast where, as the test created them.
struct World {
    actors: Vec<Value>,
    movies: Vec<Value>,
    casts: BTreeMap<u64, BTreeSet<u64>>,
}

const FIRST: [&str; 15] = [
    "Ada",
    "Ádám",
    "Aaron",
    "ana",
    "Anna",
    "ÅSA",
    "Ahmed",
    "Léa",
    "lea",
    "Zoë",
    "李",
    "Bo",
    "B.",
    "Étienne-Marie",
    "Søren",
];
const LAST: [&str; 14] = [
    "Ada",
    "de la Cruz",
    "Andersson",
    "Äkerlund",
    "O'Neil",
    "Łuk",
    "小龙",
    "van Annen",
    "LEA",
    "Ｗｉｄｅ",
    "É",
    "Zoe",
    "O’Nærø",
    "Day-Ada",
];
const GENDERS: [&str; 8] = [
    "female",
    "female",
    "female",
    "female",
    "Female",
    "FEMALE",
    "male",
    "Nón-binary",
];
const TITLES: [&str; 12] = [
    "The Third Man",
    "the third",
    "A",
    "A Third",
    "An Étude",
    "étude",
    "Third",
    "Theodora",
    "M",
    "THE",
    "Anna",
    "The A",
];

/// A text as it is compared: NFKD, marks removed, case folded, Latin letters as ASCII, one kind of
/// apostrophe, and dashes as spaces. In the test's texts, lower case and case folding do not
/// differ.
fn bare(text: &str) -> String {
    let text: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let text = text.to_lowercase();
    let letters = [("ł", "l"), ("ø", "o"), ("æ", "ae"), ("’", "'"), ("-", " ")];
    letters
        .into_iter()
        .fold(text, |text, (letter, ascii)| text.replace(letter, ascii))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn one_of<'a>(texts: &[&'a str], random: &mut Random) -> &'a str {
    texts[usize::try_from(random.below(texts.len() as u64)).unwrap()]
}

async fn add(api: &Api, path: &str, row: &Value) -> Value {
    send(with_json(api.request_as(Producer, "POST", path), row))
        .await
        .expect(200)[&path[1..]][0]
        .clone()
}

async fn populate(api: &Api, actors: usize, movies: usize, random: &mut Random) -> World {
    let new_actors: Vec<_> = (0..actors)
        .map(|_| {
            let name = match random.below(10) {
                0 => one_of(&FIRST, random).to_owned(),
                _ => format!("{} {}", one_of(&FIRST, random), one_of(&LAST, random)),
            };
            json!({"name": name, "age": 18 + random.below(40), "gender": one_of(&GENDERS, random)})
        })
        .collect();
    let added = stream::iter(new_actors.iter())
        .map(|actor| add(api, "/actors", actor))
        .buffer_unordered(8);
    let mut actors: Vec<_> = added.collect().await;
    actors.sort_by_key(|actor| actor["id"].as_u64());
    let mut world = World {
        actors,
        movies: Vec::new(),
        casts: BTreeMap::new(),
    };
    for _ in 0..movies {
        let date = NaiveDate::from_ymd_opt(1895 + i32::try_from(random.below(130)).unwrap(), 1, 1)
            .unwrap();
        let date = date + chrono::Days::new(random.below(400));
        let hour = random.below(2) * 14;
        let cast: BTreeSet<_> = (0..random.below(6)).map(|_| 1 + random.below(40)).collect();
        let movie = json!({
            "title": format!("{}{}", one_of(&TITLES, random), one_of(&["", "", " II", " ﬁn"], random)), "release_date": format!("{date}T{hour:02}:00"),
            "cast": cast.iter().map(|actor| json!({"actor_id": actor})).collect::<Value>(),
        });
        let movie = add(api, "/movies", &movie).await;
        world.casts.insert(movie["id"].as_u64().unwrap(), cast);
        world.movies.push(movie);
    }
    world
}

/// A query: its parameters before percent-encoding.
type Query = BTreeMap<&'static str, String>;

const OF_ACTORS: [&str; 6] = ["name", "gender", "min_age", "max_age", "movie_id", "sort"];
const OF_MOVIES: [&str; 5] = ["title", "released_from", "released_to", "actor_id", "sort"];

fn beginning(texts: &[&str], random: &mut Random) -> String {
    let text = one_of(texts, random);
    let length = 1 + random.below(text.chars().count() as u64);
    let text: String = text
        .chars()
        .take(usize::try_from(length).unwrap())
        .collect();
    if random.below(2) == 0 {
        bare(&text)
    } else {
        text.to_uppercase()
    }
}

fn value(parameter: &str, random: &mut Random) -> String {
    match parameter {
        "name" => match random.below(3) {
            0 => format!("{} {}", one_of(&FIRST, random), one_of(&LAST, random)),
            1 => beginning(&FIRST, random),
            _ => beginning(&LAST, random),
        },
        "title" => beginning(&TITLES, random),
        "gender" => one_of(&["female", "MALE", "nÓn-BINARY", "non-binary", "x"], random).to_owned(),
        "min_age" | "max_age" => (15 + random.below(48)).to_string(),
        "movie_id" | "actor_id" => (1 + random.below(60)).to_string(),
        "released_from" | "released_to" => {
            let year = 1890 + random.below(140);
            format!(
                "{year}{}",
                one_of(&["-01-01", "-06-15", "-12-31", "-06-15T10:00:00Z"], random)
            )
        }
        "sort" => unreachable!("sorts are chosen by the kind of row"),
        other => panic!("{other}"),
    }
}

fn timestamp(text: &str) -> i64 {
    DateTime::parse_from_rfc2822(text).unwrap().timestamp()
}

/// The instant of a bound; one without a time covers the whole day.
fn bound(text: &str, end: bool) -> i64 {
    match text.split_once('T') {
        Some(_) => DateTime::parse_from_rfc3339(text).unwrap().timestamp(),
        None => {
            let midnight = text
                .parse::<NaiveDate>()
                .unwrap()
                .and_hms_opt(0, 0, 0)
                .unwrap()
                .and_utc()
                .timestamp();
            midnight + if end { 86_399 } else { 0 }
        }
    }
}

/// The order of a list without `sort`: that of the index that finds its rows.
fn usual_order(query: &Query) -> &'static str {
    let has = |parameter| query.contains_key(parameter);
    if has("movie_id") || has("actor_id") {
        "id"
    } else if has("name") {
        "name match"
    } else if has("title") {
        "title match"
    } else if has("gender") || has("min_age") || has("max_age") {
        "age"
    } else if has("released_from") || has("released_to") {
        "release_date"
    } else {
        "id"
    }
}

fn last_word(name: &str) -> &str {
    name.split(' ').next_back().unwrap()
}

fn without_article(title: &str) -> &str {
    ["the ", "a ", "an "]
        .iter()
        .find_map(|article| title.strip_prefix(article))
        .unwrap_or(title)
}

/// The position of a row in a list by the beginning of a text: rows that match by the whole text
/// come before those that match only by a part of it.
fn match_place(
    row: &Value,
    field: &str,
    prefix: &str,
    part: fn(&str) -> &str,
) -> (i64, String, u64) {
    let text = bare(row[field].as_str().unwrap());
    let id = row["id"].as_u64().unwrap();
    if text.starts_with(&bare(prefix)) {
        (0, text, id)
    } else {
        (1, part(&text).to_owned(), id)
    }
}

impl World {
    fn is_admitted(&self, row: &Value, query: &Query) -> bool {
        let id = row["id"].as_u64().unwrap();
        query.iter().all(|(parameter, value)| match *parameter {
            "name" => {
                let (name, prefix) = (bare(row["name"].as_str().unwrap()), bare(value));
                name.starts_with(&prefix) || last_word(&name).starts_with(&prefix)
            }
            "title" => {
                let (title, prefix) = (bare(row["title"].as_str().unwrap()), bare(value));
                title.starts_with(&prefix) || without_article(&title).starts_with(&prefix)
            }
            "gender" => row["gender"].as_str().unwrap().to_lowercase() == value.to_lowercase(),
            "min_age" => row["age"].as_u64().unwrap() >= value.parse().unwrap(),
            "max_age" => row["age"].as_u64().unwrap() <= value.parse().unwrap(),
            "movie_id" => self
                .casts
                .get(&value.parse().unwrap())
                .is_some_and(|cast| cast.contains(&id)),
            "actor_id" => self.casts[&id].contains(&value.parse().unwrap()),
            "released_from" => {
                timestamp(row["release_date"].as_str().unwrap()) >= bound(value, false)
            }
            "released_to" => timestamp(row["release_date"].as_str().unwrap()) <= bound(value, true),
            _ => true,
        })
    }

    /// The ids of the rows that match a query, in its order.
    fn expected(&self, resource: &str, query: &Query) -> Vec<u64> {
        let rows = if resource == "actors" {
            &self.actors
        } else {
            &self.movies
        };
        let mut rows: Vec<_> = rows
            .iter()
            .filter(|row| self.is_admitted(row, query))
            .collect();
        let sort = query
            .get("sort")
            .map_or_else(|| usual_order(query), String::as_str);
        let id = |row: &Value| row["id"].as_u64().unwrap();
        rows.sort_by_cached_key(|row| match sort.trim_start_matches('-') {
            "name match" => match_place(row, "name", &query["name"], last_word),
            "title match" => match_place(row, "title", &query["title"], without_article),
            "id" => (0, String::new(), id(row)),
            "age" => (row["age"].as_i64().unwrap(), String::new(), id(row)),
            "release_date" => (
                timestamp(row["release_date"].as_str().unwrap()),
                String::new(),
                id(row),
            ),
            text => (0, bare(row[text].as_str().unwrap()), id(row)),
        });
        if sort.starts_with('-') {
            rows.reverse();
        }
        rows.into_iter().map(id).collect()
    }
}

fn path_of(resource: &str, query: &Query, limit: Option<u64>) -> String {
    let mut path = format!("/{resource}?x=y");
    for (name, value) in query {
        let encoded: String = value.bytes().fold(String::new(), |mut encoded, byte| {
            write!(encoded, "%{byte:02X}").unwrap();
            encoded
        });
        write!(path, "&{name}={encoded}").unwrap();
    }
    limit
        .into_iter()
        .for_each(|limit| write!(path, "&limit={limit}").unwrap());
    path
}

/// Reads a list to its end; returns the ids and the number of pages.
async fn walk(api: &Api, resource: &str, path: &str, limit: usize) -> (Vec<u64>, usize) {
    let (mut path, mut found, mut pages) = (path.to_owned(), Vec::new(), 0);
    loop {
        let body = api.get(Assistant, &path).await.expect(200);
        let rows = body[resource].as_array().unwrap();
        assert!(rows.len() <= limit, "{path}");
        found.extend(rows.iter().map(|row| row["id"].as_u64().unwrap()));
        pages += 1;
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return (found, pages),
        }
    }
}

/// Sends one random query with these parameters, each with a value.
async fn check_random_query(
    api: &Api,
    world: &World,
    resource: &'static str,
    parameters: &[&'static str],
    random: &mut Random,
) {
    let mut query = Query::new();
    for parameter in parameters {
        let sorts = if resource == "actors" {
            ["id", "name", "age"]
        } else {
            ["id", "title", "release_date"]
        };
        let value = match *parameter {
            "sort" => format!("{}{}", one_of(&["", "-"], random), one_of(&sorts, random)),
            other => value(other, random),
        };
        query.insert(parameter, value);
    }
    let expected = world.expected(resource, &query);
    // Small pages for small lists only, so that no test takes too long.
    let limit = match random.below(4) {
        0 => None,
        1 => Some(1 + expected.len() as u64 / 9 + random.below(5)),
        2 => Some(1 + expected.len() as u64 / 3),
        _ => Some(1 + random.below(1000).max(expected.len() as u64 / 4)),
    };
    let path = path_of(resource, &query, limit.map(|limit| limit.min(1000)));
    let (found, _) = walk(
        api,
        resource,
        &path,
        usize::try_from(limit.unwrap_or(1000)).unwrap(),
    )
    .await;
    assert_eq!(found, expected, "{query:?} {path}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_random_queries_match_a_model_of_all_rows() {
    for seed in seeds(1) {
        let mut random = Random::new(seed);
        let api = Api::start().await;
        let world = populate(&api, 1400, 130, &mut random).await;
        let mut queries_sent = 0;
        for (resource, parameters) in [("actors", &OF_ACTORS[..]), ("movies", &OF_MOVIES)] {
            for (index, one) in parameters.iter().enumerate() {
                for _ in 0..14 {
                    check_random_query(&api, &world, resource, &[one], &mut random).await;
                    queries_sent += 1;
                }
                for other in &parameters[index + 1..] {
                    for _ in 0..14 {
                        check_random_query(&api, &world, resource, &[one, other], &mut random)
                            .await;
                        queries_sent += 1;
                    }
                }
            }
        }
        while queries_sent < 1000 {
            let (resource, parameters) = if random.below(2) == 0 {
                ("actors", &OF_ACTORS[..])
            } else {
                ("movies", &OF_MOVIES[..])
            };
            let some: Vec<_> = parameters
                .iter()
                .copied()
                .filter(|_| random.below(2) == 0)
                .collect();
            check_random_query(&api, &world, resource, &some, &mut random).await;
            queries_sent += 1;
        }
    }
}

#[tokio::test]
async fn names_and_titles_are_found_despite_case_accents_and_punctuation() {
    let api = Api::start().await;
    for name in [
        "Léa Seydoux",
        "Ida Lupino",
        "ida",
        "Max von Sydow",
        "Straße Ödön",
        "Søren O’Neil Day–Sample",
    ] {
        add(
            &api,
            "/actors",
            &json!({"name": name, "age": 30, "gender": "Female"}),
        )
        .await;
    }
    for title in ["The Third Man", "A Night", "Anna", "Les Misérables"] {
        add(
            &api,
            "/movies",
            &json!({"title": title, "release_date": "1949-08-31T20:00"}),
        )
        .await;
    }
    let cases = [
        ("/actors?name=lea", vec![1]),
        ("/actors?name=LE%CC%81A+%20s", vec![1]),
        ("/actors?name=seyd", vec![1]),
        ("/actors?name=ida", vec![3, 2]),
        ("/actors?name=sydow", vec![4]),
        ("/actors?name=von", vec![]),
        ("/actors?name=STRASSE", vec![5]),
        ("/actors?name=odon", vec![5]),
        ("/actors?name=soren", vec![6]),
        ("/actors?name=S%C3%98REN+O%60N", vec![6]),
        ("/actors?name=sample", vec![6]),
        ("/actors?name=day", vec![]),
        ("/actors?name=soren+o%27neil+day-s", vec![6]),
        ("/actors?gender=fEMALE&name=lup", vec![2]),
        ("/actors?min_age=40&max_age=20", vec![]),
        ("/movies?title=third", vec![1]),
        ("/movies?title=the+t", vec![1]),
        ("/movies?title=n", vec![2]),
        ("/movies?title=an", vec![3]),
        ("/movies?title=miserables", vec![]),
        (
            "/movies?released_from=1949-08-31&released_to=August+31,+1949",
            vec![1, 2, 3, 4],
        ),
        ("/movies?released_to=1949-08-31T19:59", vec![]),
    ];
    for (path, expected) in cases {
        let resource = &path[1..7];
        assert_eq!(walk(&api, resource, path, 1000).await.0, expected, "{path}");
    }
    assert_eq!(
        api.get(Assistant, "/movies?released_from=01/02/2020")
            .await
            .field_errors(),
        ["released_from"]
    );
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_own_list() {
    let api = Api::start().await;
    for name in ["Ada", "Adam", "Adele"] {
        add(
            &api,
            "/actors",
            &json!({"name": name, "age": 30, "gender": "f"}),
        )
        .await;
        add(&api, "/movies", &json!({"title": name})).await;
    }
    let body = api
        .get(Assistant, "/actors?name=ad&sort=-name&limit=1")
        .await
        .expect(200);
    let next = body["next"].as_str().unwrap();
    let cursor = next
        .split("cursor=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    assert_eq!(walk(&api, "actors", next, 1).await.0, [2, 1]);
    let invalid_paths = [
        format!("/actors?name=ad&sort=name&cursor={cursor}"),
        format!("/actors?name=a&sort=-name&cursor={cursor}"),
        format!("/actors?sort=-name&cursor={cursor}"),
        format!("/actors?cursor={cursor}"),
        format!("/movies?sort=-title&cursor={cursor}"),
        format!("/actors?name=ad&sort=-name&cursor={cursor}A"),
        format!("/actors?name=ad&sort=-name&cursor={}", &cursor[1..]),
        format!("/actors?name=ad&sort=-name&cursor={cursor}&cursor={cursor}"),
        "/actors?name=ad&sort=-name&cursor=".to_owned(),
    ];
    for path in invalid_paths {
        assert_eq!(
            api.get(Assistant, &path).await.field_errors(),
            ["cursor"],
            "{path}"
        );
    }
    for path in [
        "/actors?name=ad&sort=-id&after=1".to_owned(),
        "/actors?name=ad&after=1".to_owned(),
        "/actors?movie_id=1&after=1".to_owned(),
        format!("/actors?name=ad&after=1&sort=-name&cursor={cursor}"),
    ] {
        assert_eq!(
            api.get(Assistant, &path).await.field_errors(),
            ["after"],
            "{path}"
        );
    }
    assert_eq!(
        walk(&api, "actors", "/actors?name=ad&sort=id&after=1&limit=1", 1)
            .await
            .0,
        [2, 3]
    );
}

#[tokio::test]
async fn a_changed_row_is_updated_in_every_index() {
    let api = Api::start().await;
    add(
        &api,
        "/actors",
        &json!({"name": "Old Name", "age": 30, "gender": "f"}),
    )
    .await;
    add(
        &api,
        "/movies",
        &json!({"title": "The Old", "release_date": "1950-01-01"}),
    )
    .await;
    api.patch(
        Producer,
        "/actors/1",
        &json!({"name": "New Thing", "age": 40, "gender": "m"}),
    )
    .await
    .expect(200);
    api.patch(
        Producer,
        "/movies/1",
        &json!({"title": "An Other", "release_date": "1960-01-01"}),
    )
    .await
    .expect(200);
    for (found, queries) in [
        (
            vec![],
            [
                "actors?name=old",
                "actors?name=name",
                "actors?max_age=30",
                "actors?gender=f",
                "movies?title=old",
                "movies?title=the",
                "movies?released_to=1955-01-01",
            ],
        ),
        (
            vec![1],
            [
                "actors?name=new",
                "actors?name=thing",
                "actors?min_age=40",
                "actors?gender=M",
                "movies?title=oth",
                "movies?title=an+o",
                "movies?released_from=1955-01-01",
            ],
        ),
    ] {
        for query in queries {
            assert_eq!(
                walk(&api, &query[..6], &format!("/{query}"), 1000).await.0,
                found,
                "{query}"
            );
        }
    }
}

#[tokio::test]
async fn each_page_makes_a_bounded_number_of_calls_and_row_reads() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let mut random = Random::new(7);
    populate(&api, 300, 20, &mut random).await;
    let calls_of = async |query: &str| {
        proxy.calls();
        api.get(Assistant, query).await.expect(200);
        let calls = proxy.calls();
        assert!(calls.iter().all(|call| call.name != "Scan"));
        let limits = calls.iter().filter_map(|call| call.body["Limit"].as_u64());
        assert!(limits.sum::<u64>() <= 3_100, "{query}");
        calls.len()
    };
    for (query, most) in [
        ("/actors?limit=10", 2),
        ("/actors?limit=10&sort=-id", 2),
        ("/actors?limit=10&sort=name", 4),
        ("/actors?limit=10&sort=-age&gender=female", 4),
        ("/actors?limit=10&name=ada", 8),
        ("/actors?limit=10&name=ada&sort=id", 10),
        ("/actors?limit=10&gender=male", 4),
        ("/actors?limit=10&gender=male&sort=id", 6),
        ("/actors?limit=10&min_age=20&max_age=22", 4),
        ("/actors?limit=10&min_age=20&max_age=22&gender=male", 4),
        ("/movies?limit=10&title=the", 8),
        ("/movies?limit=10&released_from=1950-01-01", 4),
        ("/movies?limit=10&released_from=1950-01-01&sort=id", 6),
        (
            "/movies?limit=10&released_from=1950-01-01&sort=release_date",
            4,
        ),
        ("/actors?limit=10&name=a&gender=female&sort=age", 16),
        ("/movies?limit=10&actor_id=1", 3),
        ("/actors?limit=10&movie_id=1", 3),
    ] {
        let calls = calls_of(query).await;
        assert!(calls <= most, "{query}: {calls}");
    }
}

/// Writes actors to the table without the API, twenty-five at a time, with the attributes that the
/// store adds.
async fn put_actors(api: &Api, actors: &[Actor]) {
    let number = |number: u64| AttributeValue::N(number.to_string());
    for some in actors.chunks(25) {
        let puts = some.iter().map(|actor| {
            let id = actor.id.get();
            let mut put = PutRequest::builder()
                .item("bucket", number(id / 1000))
                .item("id", number(id));
            for (name, value) in actor.attributes() {
                put = put.item(name, value);
            }
            WriteRequest::builder()
                .put_request(put.build().unwrap())
                .build()
        });
        let write = api
            .stack
            .client()
            .batch_write_item()
            .request_items(local::ACTORS_TABLE, puts.collect());
        write.send().await.unwrap();
    }
    let counter = api
        .stack
        .client()
        .put_item()
        .table_name(local::ACTORS_TABLE);
    let counter = counter
        .item("bucket", AttributeValue::N("-1".into()))
        .item("id", number(0));
    counter
        .item("last_id", number(actors.len() as u64))
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_filtered_list_in_another_sort_order_returns_each_row_once() {
    let api = Api::start().await;
    let mut random = Random::new(11);
    let actors: Vec<_> = (1..=6000)
        .map(|id| Actor {
            id: Id::new(id).unwrap(),
            name: Name::new(&format!("Actor {}", random.below(3000))).unwrap(),
            age: Age::new(random.below(90)).unwrap(),
            gender: Gender::new(if random.below(4) == 0 { "x" } else { "y" }).unwrap(),
        })
        .collect();
    put_actors(&api, &actors).await;
    let mut expected: Vec<_> = actors
        .iter()
        .filter(|actor| actor.gender.as_str() == "x")
        .collect();
    assert!(expected.len() > 1200, "more than is gathered");
    for (sort, descending) in [
        ("id", false),
        ("-id", true),
        ("name", false),
        ("-name", true),
    ] {
        expected.sort_by_key(|actor| {
            (
                if sort.ends_with("name") {
                    bare(actor.name.as_str())
                } else {
                    String::new()
                },
                actor.id.get(),
            )
        });
        if descending {
            expected.reverse();
        }
        let ids: Vec<_> = expected.iter().map(|actor| actor.id.get()).collect();
        let (found, pages) = walk(
            &api,
            "actors",
            &format!("/actors?gender=x&sort={sort}&limit=333"),
            333,
        )
        .await;
        assert_eq!(found, ids, "{sort}, {pages} pages");
        assert!(
            pages > ids.len().div_ceil(333),
            "{sort}: pages are not short, {pages} of them"
        );
    }
}

/// Reads a list to its end. Every page but the last is full and has a `next`.
async fn full_pages(api: &Api, path: &str, limit: usize) -> Vec<u64> {
    let (mut path, mut found) = (format!("{path}&limit={limit}"), Vec::new());
    loop {
        let body = api.get(Assistant, &path).await.expect(200);
        let rows = body["actors"].as_array().unwrap();
        found.extend(rows.iter().map(|row| row["id"].as_u64().unwrap()));
        match body["next"].as_str() {
            Some(next) => {
                assert_eq!(rows.len(), limit, "{path}");
                next.clone_into(&mut path);
            }
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_index_order_fills_every_page() {
    let api = Api::start().await;
    let mut random = Random::new(13);
    let actors: Vec<_> = (1..=1500)
        .map(|id| Actor {
            id: Id::new(id).unwrap(),
            // Some names that match by their last word match by their beginning too.
            name: Name::new(match random.below(8) {
                0 => "Ann Anderson",
                1..4 => "Anna",
                _ => "Bo Anders",
            })
            .unwrap(),
            age: Age::new(random.below(90)).unwrap(),
            gender: Gender::new(if random.below(40) == 0 { "x" } else { "y" }).unwrap(),
        })
        .collect();
    put_actors(&api, &actors).await;
    let by = |admits: fn(&Actor) -> bool, key: fn(&Actor) -> String| {
        let mut rows: Vec<_> = actors.iter().filter(|actor| admits(actor)).collect();
        rows.sort_by_key(|actor| (key(actor), actor.id.get()));
        rows.into_iter()
            .map(|actor| actor.id.get())
            .collect::<Vec<_>>()
    };
    let age = |actor: &Actor| format!("{:03}", actor.age.get());
    for (query, expected) in [
        ("gender=x", by(|actor| actor.gender.as_str() == "x", age)),
        (
            "gender=x&max_age=30",
            by(
                |actor| actor.gender.as_str() == "x" && actor.age.get() <= 30,
                age,
            ),
        ),
        (
            "min_age=41&max_age=41",
            by(|actor| actor.age.get() == 41, age),
        ),
        (
            "name=an",
            by(
                |_| true,
                |actor| match actor.name.as_str() {
                    "Bo Anders" => "2".to_owned(),
                    name => format!("1{}", name.to_lowercase()),
                },
            ),
        ),
        (
            "name=anders",
            by(
                |actor| actor.name.as_str() != "Anna",
                |actor| {
                    if actor.name.as_str() == "Bo Anders" {
                        "1"
                    } else {
                        "2"
                    }
                    .to_owned()
                },
            ),
        ),
        (
            "name=anderso&gender=y",
            by(
                |actor| actor.name.as_str() == "Ann Anderson" && actor.gender.as_str() == "y",
                |_| String::new(),
            ),
        ),
    ] {
        for limit in [20, 1000] {
            let found = full_pages(&api, &format!("/actors?{query}"), limit).await;
            assert_eq!(found, expected, "{query} {limit}");
        }
    }
}

/// Changes, deletes and creates actors that match the same filters, until it is dropped.
async fn keep_changing(api: &Api, ids: &[u64], random: &mut Random) {
    let names = ["Ann Other", "Other Ann", "Anna Anders", "Bo Ann"];
    loop {
        let id = ids[usize::try_from(random.below(ids.len() as u64)).unwrap()];
        let name = one_of(&names, random);
        let row = json!({"name": name, "age": 20 + random.below(20), "gender": "x"});
        match random.below(8) {
            0 => drop(api.delete(Producer, &format!("/actors/{id}")).await),
            1 => drop(add(api, "/actors", &row).await),
            _ => drop(api.patch(Producer, &format!("/actors/{id}"), &row).await),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paging_during_writes_returns_unchanged_rows_once_and_in_order() {
    let api = Api::start().await;
    let mut random = Random::new(17);
    let (mut stay, mut change) = (Vec::new(), Vec::new());
    for number in 0..150_u64 {
        let names = ["Ann Example", "Example Ann", "Anna"];
        let row = json!({"name": one_of(&names, &mut random), "age": 20 + random.below(20), "gender": "x"});
        let row = add(&api, "/actors", &row).await;
        if number.is_multiple_of(3) {
            change.push(row["id"].as_u64().unwrap());
        } else {
            stay.push(row);
        }
    }
    let world = World {
        actors: stay,
        movies: Vec::new(),
        casts: BTreeMap::new(),
    };
    let walks = async {
        for query in [
            &[][..],
            &[("gender", "x")],
            &[("name", "ann")],
            &[("name", "ann"), ("gender", "x"), ("min_age", "25")],
            &[("min_age", "22"), ("max_age", "37")],
            &[("name", "ann"), ("sort", "-age")],
            &[("gender", "x"), ("sort", "id")],
            &[("sort", "-name")],
        ] {
            let query: Query = query
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect();
            let expected = world.expected("actors", &query);
            let ids: BTreeSet<_> = expected.iter().copied().collect();
            let path = path_of("actors", &query, Some(7));
            let (mut found, _) = walk(&api, "actors", &path, 7).await;
            found.retain(|id| ids.contains(id));
            assert_eq!(found, expected, "{query:?}");
        }
    };
    tokio::select! {
        () = walks => {}
        () = keep_changing(&api, &change, &mut random) => {}
    }
}

#[tokio::test]
async fn a_page_beyond_its_first_bucket_reads_the_counter_concurrently() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    for _ in 0..12 {
        api.add_actor("Ida").await;
    }
    for path in ["/actors", "/actors?limit=999", "/actors?after=990&limit=10"] {
        proxy.calls();
        let held = proxy.hold_next("Query");
        let counter_is_read = async {
            held.reached().await;
            let mut names: Vec<_> = proxy.calls().into_iter().map(|call| call.name).collect();
            while !names.iter().any(|name| name == "GetItem") {
                tokio::task::yield_now().await;
                names.extend(proxy.calls().into_iter().map(|call| call.name));
                // A second Query is a retry of the first, which waited in vain.
                let queries = names.iter().filter(|name| *name == "Query");
                assert_eq!(queries.count(), 1, "{path}");
            }
            held.release();
        };
        let (response, ()) = tokio::join!(api.get(Assistant, path), counter_is_read);
        response.expect(200);
    }
    // A page that its first bucket may fill does without the counter.
    proxy.calls();
    api.get(Assistant, "/actors?limit=10").await.expect(200);
    let calls: Vec<_> = proxy.calls().into_iter().map(|call| call.name).collect();
    assert_eq!(calls, ["Query"]);
}

#[tokio::test]
async fn rows_with_equal_values_are_sorted_by_id_in_the_same_direction() {
    let api = Api::start().await;
    for _ in 0..9 {
        api.add_actor("Ida").await;
        api.add_movie("An Example").await;
    }
    let ascending: Vec<u64> = (1..=9).collect();
    let descending: Vec<u64> = (1..=9).rev().collect();
    for (resource, sort) in [
        ("actors", "id"),
        ("actors", "name"),
        ("actors", "age"),
        ("movies", "id"),
        ("movies", "title"),
        ("movies", "release_date"),
    ] {
        let filter = if resource == "actors" {
            "name=ida"
        } else {
            "title=exam"
        };
        for query in [
            format!("/{resource}?sort="),
            format!("/{resource}?{filter}&sort="),
        ] {
            for (sort, expected) in [
                (sort.to_owned(), &ascending),
                (format!("-{sort}"), &descending),
            ] {
                let (found, _) = walk(&api, resource, &format!("{query}{sort}&limit=4"), 4).await;
                assert_eq!(found, *expected, "{query}{sort}");
            }
        }
    }
}

#[tokio::test]
async fn texts_are_sorted_by_their_first_900_bytes_and_found_by_all_bytes() {
    let api = Api::start().await;
    // One character that folds to 33 bytes: 27 of them are 891.
    let long = "\u{fdfa}".repeat(27);
    let after = |letters: &str, last: &str| format!("{long}{letters}{last}");
    let texts = [
        after("xxxxxxxx", "b"), // the 900th byte
        after("xxxxxxxx", "a"),
        after("yyyyyyyyy", "b"), // the 901st
        after("yyyyyyyyy", "a"),
    ];
    for text in &texts {
        api.add_actor(text).await;
        api.add_movie(text).await;
    }
    for (resource, field) in [("actors", "name"), ("movies", "title")] {
        let (found, _) = walk(
            &api,
            resource,
            &format!("/{resource}?sort={field}&limit=4"),
            4,
        )
        .await;
        assert_eq!(found, [2, 1, 3, 4], "{resource}");
        let (found, _) = walk(
            &api,
            resource,
            &format!("/{resource}?{field}={}&limit=4", texts[3]),
            4,
        )
        .await;
        assert_eq!(found, [4], "{resource}");
    }
}

/// Whether the call is a strongly consistent read.
fn is_consistent(call: &Call) -> bool {
    match call.name.as_str() {
        "BatchGetItem" => {
            let tables = call.body["RequestItems"].as_object().unwrap();
            tables.values().all(|keys| keys["ConsistentRead"] == true)
        }
        _ => call.body["ConsistentRead"] == true,
    }
}

#[tokio::test]
async fn only_lists_by_casting_and_plain_lists_by_id_are_strongly_consistent() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let actor = api.add_actor("Ida").await;
    let movie = json!({"title": "An Example", "cast": [{"actor_id": actor}]});
    api.post(Producer, "/movies", &movie).await.expect(200);
    for (path, consistent) in [
        ("/actors", true),
        ("/actors?after=1&sort=id", true),
        ("/actors?sort=-id&include=credits", true),
        ("/actors?movie_id=1", true),
        (
            "/actors?movie_id=1&name=ida&gender=female&sort=-age&include=credits",
            true,
        ),
        ("/movies?include=cast", true),
        ("/movies?sort=-id", true),
        (
            "/movies?actor_id=1&title=exam&sort=release_date&include=cast",
            true,
        ),
        ("/actors?sort=name", false),
        ("/actors?name=ida", false),
        ("/actors?gender=female&sort=-id", false),
        ("/movies?sort=-release_date", false),
        ("/movies?released_from=2020-01-01", false),
    ] {
        proxy.calls();
        api.get(Assistant, path).await.expect(200);
        let calls = proxy.calls();
        assert!(!calls.is_empty());
        assert_eq!(
            calls.iter().all(is_consistent),
            consistent,
            "{path}: {calls:?}"
        );
    }
}
