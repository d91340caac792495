//! The measured requests: every endpoint, and lists of several lengths.

use serde_json::{Value, json};

/// A request to the API. `{n}` in its path, key or body becomes a new number each time, and
/// `"{age}"` in its body a new age.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The function that serves it.
    pub(crate) function: &'static str,
    pub(crate) method: &'static str,
    /// The path with its query.
    pub(crate) path: &'static str,
    pub(crate) body: Option<Value>,
    /// An `Idempotency-Key`.
    pub(crate) key: Option<&'static str>,
    /// Whether the table has only one row.
    pub(crate) single: bool,
}

impl Case {
    fn new(function: &'static str, method: &'static str, path: &'static str) -> Self {
        Self {
            function,
            method,
            path,
            body: None,
            key: None,
            single: false,
        }
    }

    fn with(self, body: Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    fn keyed(self, key: &'static str) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    fn of_one_row(self) -> Self {
        Self {
            single: true,
            ..self
        }
    }

    /// The request in words.
    pub(crate) fn title(&self) -> String {
        let Self {
            method,
            path,
            key,
            single,
            body,
            ..
        } = self;
        let cast = body
            .as_ref()
            .and_then(|body| body["cast"].as_array())
            .map(|cast| format!(", {} credits", cast.len()));
        let keyed = if key.is_some() { ", with a key" } else { "" };
        let single = if *single { ", a table of one row" } else { "" };
        format!("{method} {path}{}{keyed}{single}", cast.unwrap_or_default())
    }
}

/// A list of one row from a table with more.
fn list_of_one() -> Case {
    Case::new("get_actors", "GET", "/actors?limit=1")
}

fn list_of_all_of_one() -> Case {
    Case::new("get_actors", "GET", "/actors").of_one_row()
}

pub(crate) fn one_row() -> Case {
    Case::new("get_actors", "GET", "/actors/1")
}

pub(crate) fn list_of_100() -> Case {
    Case::new("get_actors", "GET", "/actors?limit=100")
}

/// The longest list that one Query can return: the first partition holds the ids up to 999, and the
/// API reads one row more than it returns.
pub(crate) fn list_of_998() -> Case {
    Case::new("get_actors", "GET", "/actors?limit=998")
}

pub(crate) fn patch() -> Case {
    Case::new("patch_actors", "PATCH", "/actors/1").with(json!({"age": "{age}"}))
}

fn post() -> Case {
    Case::new("post_actors", "POST", "/actors").with(actor())
}

fn actor() -> Value {
    json!({"name": "Ida Lupino", "age": 30, "gender": "female"})
}

fn movie() -> Value {
    json!({"title": "Outrage", "release_date": "1950-09-27T00:00:00Z"})
}

fn patch_movie() -> Case {
    Case::new("patch_movies", "PATCH", "/movies/2").with(json!({"title": "Outrage {n}"}))
}

/// A program to measure, and the request that it handles.
#[derive(Clone)]
pub(crate) struct Measured {
    pub(crate) program: &'static str,
    pub(crate) case: Case,
    /// The place of its floor among all that are measured: the same request, handled with as little
    /// as possible.
    pub(crate) floor: Option<usize>,
}

impl Measured {
    pub(crate) fn is_floor(&self) -> bool {
        self.program.starts_with("floor_")
    }
}

/// Each floor, followed by what is compared with it, and then the functions that have no floor.
/// Each function has at least one request.
pub(crate) fn measured() -> Vec<Measured> {
    let raw = |case| ("floor_raw", case);
    let function = |case: Case| (case.function, case);
    let get_movie = Case::new("get_movies", "GET", "/movies/1");
    let groups = [
        ("floor_noop", one_row(), vec![]),
        (
            "floor_get",
            one_row(),
            vec![raw(one_row()), function(one_row()), function(get_movie)],
        ),
        (
            "floor_query",
            list_of_100(),
            vec![raw(list_of_100()), function(list_of_100())],
        ),
        (
            "floor_query",
            list_of_998(),
            vec![raw(list_of_998()), function(list_of_998())],
        ),
        (
            "floor_patch",
            patch(),
            vec![raw(patch()), function(patch()), function(patch_movie())],
        ),
        (
            "floor_post",
            post(),
            vec![
                function(post()),
                function(Case::new("post_movies", "POST", "/movies").with(movie())),
            ],
        ),
    ];
    let mut measured = Vec::new();
    for (floor, case, compared) in groups {
        let place = measured.len();
        measured.push(Measured {
            program: floor,
            case,
            floor: None,
        });
        measured.extend(compared.into_iter().map(|(program, case)| Measured {
            program,
            case,
            floor: Some(place),
        }));
    }
    for (function, path) in [
        ("delete_actors", "/actors/{n}"),
        ("delete_movies", "/movies/{n}"),
    ] {
        measured.push(Measured {
            program: function,
            case: Case::new(function, "DELETE", path),
            floor: None,
        });
    }
    measured
}

/// Every endpoint, and lists of several lengths.
pub(crate) fn all() -> Vec<Case> {
    let mut with_cast = movie();
    with_cast["cast"] = json!([{"actor_id": 4, "character": "Ann"}, {"actor_id": 5}]);
    vec![
        list_of_all_of_one(),
        list_of_one(),
        list_of_100(),
        Case::new("get_actors", "GET", "/actors?limit=1000"),
        Case::new("get_actors", "GET", "/actors?limit=100&sort=name"),
        Case::new("get_actors", "GET", "/actors?limit=100&name=mar"),
        one_row(),
        Case::new("get_actors", "GET", "/actors/2?include=credits"),
        post(),
        post().keyed("bench-{n}"),
        patch(),
        Case::new("delete_actors", "DELETE", "/actors/{n}"),
        Case::new("get_movies", "GET", "/movies?limit=100"),
        Case::new("get_movies", "GET", "/movies/1"),
        Case::new("get_movies", "GET", "/movies/1?include=cast"),
        Case::new("post_movies", "POST", "/movies").with(movie()),
        Case::new("post_movies", "POST", "/movies").with(with_cast),
        patch_movie(),
        Case::new("delete_movies", "DELETE", "/movies/{n}"),
    ]
}
