//! Headers: invalid tokens, odd conditions and keys, and headers that some servers trust.

use serde_json::json;

use super::{Change, HostileRequest};

const ACTOR: &str = r#"{"name": "Ida", "age": 34, "gender": "f"}"#;

pub(super) fn requests() -> Vec<HostileRequest> {
    [
        authorization(),
        content(),
        if_match(),
        idempotency_key(),
        ignored_headers(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `{token}` stands for a producer's valid token.
fn authorization() -> Vec<HostileRequest> {
    let nowhere_else: &[(&str, &str)] = &[
        ("no token", ""),
        (
            "a token in a cookie",
            "Cookie: authorization=Bearer {token}; access_token={token}\r\n",
        ),
        (
            "a token in another header",
            "X-Authorization: Bearer {token}\r\nX-Access-Token: {token}\r\n",
        ),
        (
            "a token for a proxy",
            "Proxy-Authorization: Bearer {token}\r\n",
        ),
        (
            "a name with a line for a dash",
            "Authorization_: Bearer {token}\r\n",
        ),
        (
            "an identity that a proxy would say",
            "X-Remote-User: local|producer\r\nX-Amzn-Oidc-Data: {token}\r\n",
        ),
    ];
    let rejected: &[(&str, &[u8])] = &[
        ("nothing in it", b""),
        ("the scheme alone", b"Bearer"),
        ("no scheme", b"{token}"),
        ("another scheme", b"Basic cHJvZHVjZXI6cHJvZHVjZXI="),
        ("two schemes", b"Bearer Bearer {token}"),
        ("a tab after the scheme", b"Bearer\t{token}"),
        ("quotes", b"Bearer \"{token}\""),
        ("a comma after it", b"Bearer {token},"),
        ("two tokens", b"Bearer {token} {token}"),
        ("two tokens with a comma", b"Bearer {token}, Bearer {token}"),
        (
            "two headers",
            b"Bearer {token}\r\nAuthorization: Bearer {token}",
        ),
        (
            "two headers, the second of another scheme",
            b"Bearer {token}\r\nAuthorization: Basic dTpw",
        ),
        ("one character more", b"Bearer {token}A"),
        ("padding", b"Bearer {token}="),
        ("one segment more", b"Bearer {token}.e30"),
        (
            "no algorithm and no signature",
            b"Bearer eyJhbGciOiJub25lIn0.e30.",
        ),
        ("three segments of nothing", b"Bearer .."),
        ("three empty objects", b"Bearer e30.e30.e30"),
        ("null", b"Bearer null"),
        ("undefined", b"Bearer undefined"),
        ("an object", b"Bearer [object Object]"),
        ("SQL", b"Bearer ' OR 1=1 --"),
        ("bytes that are no UTF-8", b"Bearer \xff\xfe"),
        (
            "bytes that are no UTF-8 after a good one",
            b"Bearer {token}\xff",
        ),
    ];
    let none = nowhere_else.iter().map(|(description, lines)| {
        HostileRequest::new(description, "DELETE", "/actors/1", 401)
            .sent_by(None)
            .headers(lines)
    });
    let bad = rejected.iter().map(|(description, value)| {
        let line = [b"Authorization: ", *value, b"\r\n"].concat();
        HostileRequest::new(
            &format!("a token with {description}"),
            "DELETE",
            "/actors/1",
            401,
        )
        .headers(line)
    });
    let long = format!("Authorization: Bearer {}\r\n", "A".repeat(9000));
    let long = HostileRequest::new("a token of 9 KB", "DELETE", "/actors/1", 401).headers(long);
    let forbidden = HostileRequest::new("nobody's token", "DELETE", "/actors/1", 403)
        .sent_by(Some(local::Role::Nobody));
    none.chain(bad).chain([long, forbidden]).collect()
}

fn content() -> Vec<HostileRequest> {
    let rejected: &[(&str, &[u8])] = &[
        ("of no type", b"Content-Type:"),
        ("of any type", b"Content-Type: */*"),
        ("of plain text", b"Content-Type: text/plain"),
        (
            "of a form",
            b"Content-Type: application/x-www-form-urlencoded",
        ),
        ("of another JSON", b"Content-Type: text/json"),
        (
            "of DynamoDB's own JSON",
            b"Content-Type: application/x-amz-json-1.0",
        ),
        (
            "of a JSON patch",
            b"Content-Type: application/json-patch+json",
        ),
        ("of XML with entities", b"Content-Type: application/xml"),
        (
            "of two types",
            b"Content-Type: application/json, text/plain",
        ),
        (
            "of one type in two headers",
            b"Content-Type: application/json\r\nContent-Type: application/json",
        ),
        (
            "of two types in two headers",
            b"Content-Type: text/plain\r\nContent-Type: application/json",
        ),
        (
            "of a type with a space in it",
            b"Content-Type: application /json",
        ),
        (
            "of a type that is no UTF-8",
            b"Content-Type: application/json\xff",
        ),
        (
            "that is packed",
            b"Content-Type: application/json\r\nContent-Encoding: gzip",
        ),
        (
            "that is packed twice",
            b"Content-Type: application/json\r\nContent-Encoding: identity, gzip",
        ),
        (
            "that is packed in nothing",
            b"Content-Type: application/json\r\nContent-Encoding:",
        ),
    ];
    let rejected = rejected.iter().map(|(description, lines)| {
        HostileRequest::new(&format!("a body {description}"), "POST", "/actors", 415)
            .headers([*lines, b"\r\n"].concat())
            .body(ACTOR)
    });
    let accepted = [
        "application/json; charset=utf-16",
        "APPLICATION/JSON;;;",
        "application/json; boundary=\"x,y\"",
    ];
    let accepted = accepted.map(|content_type| {
        HostileRequest::new(content_type, "POST", "/actors", 200)
            .headers(format!("Content-Type: {content_type}\r\n"))
            .body(ACTOR)
            .expect_change(Change::NewActor(
                json!({"name": "Ida", "age": 34, "gender": "f"}),
            ))
    });
    rejected.chain(accepted).collect()
}

fn if_match() -> Vec<HostileRequest> {
    let never: &[&[u8]] = &[
        b"",
        b"1",
        b"\"\"",
        b"\"0\"",
        b"\"01\"",
        b"\"+1\"",
        b"\"-1\"",
        b"\"1",
        b"'1'",
        b"W/\"1\"",
        b"w/\"1\"",
        b"\"1\" \"2\"",
        b"\"1;\"",
        b"\"18446744073709551617\"",
        b"*, *",
        b"**",
        b"\"*\"",
        b"%2a",
        b"\"\xff\"",
        b"\"x\", \"y\"\r\nIf-Match: \"z\"",
    ];
    let never = never.iter().flat_map(|tag| {
        let description = format!("If-Match: {}", String::from_utf8_lossy(tag));
        let line = [b"If-Match: ", *tag, b"\r\n"].concat();
        [
            HostileRequest::new(&description, "PATCH", "/actors/1", 412)
                .body(r#"{"age": 1}"#)
                .headers(&line),
            HostileRequest::new(&description, "DELETE", "/movies/1", 412).headers(&line),
        ]
    });
    let tags = |others: usize| format!("If-Match: {}\"1\"\r\n", "\"99\",".repeat(others));
    let hundredth = HostileRequest::new("the hundredth tag counts", "PATCH", "/actors/2", 200)
        .body(r#"{"age": 99}"#);
    let after_it = HostileRequest::new("the tag after it does not", "PATCH", "/actors/3", 412)
        .body(r#"{"age": 1}"#);
    never
        .chain([
            hundredth
                .headers(tags(99))
                .expect_change(Change::Actor(2, json!({"age": 99}))),
            after_it.headers(tags(100)),
            HostileRequest::new("If-None-Match says nothing", "PATCH", "/actors/1", 200)
                .body("{}")
                .headers("If-None-Match: *\r\n"),
            HostileRequest::new("no row to match", "PATCH", "/actors/99", 404)
                .body("{}")
                .headers("If-Match: \"1\"\r\n"),
        ])
        .collect()
}

fn idempotency_key() -> Vec<HostileRequest> {
    let request = |description: &str, key: &[u8], status| {
        let line = [b"Idempotency-Key: ", key, b"\r\n"].concat();
        HostileRequest::new(description, "POST", "/actors", status)
            .headers(line)
            .body(ACTOR)
    };
    let created = |description: &str, key: &[u8]| {
        request(description, key, 200).expect_change(Change::NewActor(
            json!({"name": "Ida", "age": 34, "gender": "f"}),
        ))
    };
    let mut other = request(
        "the same key with another body",
        b"'; DROP TABLE actors; --",
        422,
    );
    other.body = ACTOR.replace("34", "35").into_bytes();
    vec![
        request("a key of nothing", b"", 422),
        request("a key of 256 characters", &[b'k'; 256], 422),
        request("a key of 5000 characters", &[b'k'; 5000], 422),
        request("a key with a tab", b"a\tb", 422),
        request("a key that is no ASCII", "schlüssel".as_bytes(), 422),
        request("a key that is no UTF-8", b"\xff", 422),
        created("a key that is SQL", b"'; DROP TABLE actors; --"),
        request("the same key again", b"'; DROP TABLE actors; --", 200),
        other,
        created(
            "a key that is a value of DynamoDB",
            br#"{"S": "x"}, :key, #key"#,
        ),
        created("a key that is a prototype", b"__proto__"),
        created("a key like a row's", b"1"),
        created(
            "two keys, which the gateway makes one",
            b"a\r\nIdempotency-Key: b",
        ),
        HostileRequest::new("a key where none counts", "GET", "/actors", 200)
            .headers(b"Idempotency-Key: \xff\r\n"),
    ]
}

/// Headers that would change the request if anything trusted them. Each is sent with a request that
/// finds nothing, and with a list.
fn ignored_headers() -> Vec<HostileRequest> {
    let lines: &[&[u8]] = &[
        b"Host: localhost:99999",
        b"Host: [::1]",
        b"X-Forwarded-Host: evil.example/actors/1?",
        b"X-Forwarded-Proto: javascript",
        b"X-Forwarded-Proto: \xff",
        b"X-Forwarded-Port: -1",
        b"X-Forwarded-For: 127.0.0.1, ::1, ' OR 1=1",
        b"X-Forwarded-Prefix: /actors/1",
        b"Forwarded: for=\"[::1]\";host=evil.example;proto=gopher",
        b"X-Original-URL: /actors/1",
        b"X-Rewrite-URL: /actors/1",
        b"X-Amzn-Trace-Id: Root=\x80",
        b"X-Amz-Security-Token: x\r\nX-Amz-Date: 20200514T140213Z",
        b"Lambda-Runtime-Function-Error-Type: Unhandled",
        b"X-Correlation-Id: a\tb",
        b"Range: bytes=0-0",
        b"Accept: text/html;q=1, application/json;q=0",
        b"Accept-Encoding: gzip;q=1, identity;q=0",
        b"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
        b"Expect: 100-continue",
        b"Expect: teapot",
        b"Upgrade: websocket\r\nSec-WebSocket-Key: x",
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
        b"Connection: authorization, host, content-length",
        b"TE: trailers, chunked",
        b"Max-Forwards: 0",
        b"Origin: null",
        b"Cookie: ;;=; a=\xff; \"",
        b"Cookie: a=b\r\nCookie: a=c",
        b"__proto__: x\r\nconstructor: x\r\ntoString: x",
        b"Content-Length: 0",
        b"!#$%&'*+-.^_`|~0: x",
    ];
    let many: String = (0..90)
        .map(|number| format!("X-{number}: {number}\r\n"))
        .collect();
    let many_of_one = "X-Same: x\r\n".repeat(90);
    let long = format!("X-Long: {}\r\n", "x".repeat(8000));
    let lines = lines.iter().map(|lines| {
        (
            String::from_utf8_lossy(lines).into_owned(),
            [*lines, b"\r\n"].concat(),
        )
    });
    let sizes = [
        ("ninety headers", many),
        ("ninety of one name", many_of_one),
        ("8 KB in one", long),
    ];
    let lines =
        lines.chain(sizes.map(|(description, lines)| (description.to_owned(), lines.into_bytes())));
    lines
        .flat_map(|(description, lines)| {
            let on = |method, path, status| {
                HostileRequest::new(
                    &format!("{method} with {description}"),
                    method,
                    path,
                    status,
                )
                .headers(&lines)
            };
            [on("DELETE", "/actors/99", 404), on("GET", "/movies", 200)]
        })
        .collect()
}
