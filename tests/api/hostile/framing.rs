//! Bytes that are no HTTP request, or two requests that would be taken for one. Most of them would
//! delete the first actor.

/// The bytes, each with a description. A lenient parser would see a producer's `DELETE /actors/1`.
pub(super) fn requests(token: &str) -> Vec<(&'static str, Vec<u8>)> {
    let authorization = format!("Authorization: Bearer {token}\r\nConnection: close\r\n");
    let with_token = |bytes: &[u8]| {
        // `@` stands for the line with the token.
        bytes
            .split_inclusive(|byte| *byte == b'@')
            .fold(Vec::new(), |mut all, part| {
                let whole = part.strip_suffix(b"@");
                all.extend_from_slice(whole.unwrap_or(part));
                all.extend_from_slice(whole.map_or(&b""[..], |_| authorization.as_bytes()));
                all
            })
    };
    let lines = REQUEST_LINES.iter().map(|(description, line)| {
        (
            *description,
            with_token(&[*line, b"\r\nHost: localhost\r\n@\r\n"].concat()),
        )
    });
    let headers = HEADERS.iter().map(|(description, header)| {
        (
            *description,
            with_token(
                &[
                    b"DELETE /actors/1 HTTP/1.1\r\nHost: localhost\r\n@",
                    *header,
                    b"\r\n\r\n",
                ]
                .concat(),
            ),
        )
    });
    let posts = POSTS.iter().map(|(description, rest)| {
        (
            *description,
            with_token(&[&b"POST /actors HTTP/1.1\r\nHost: localhost\r\n@"[..], rest].concat()),
        )
    });
    let others = OTHERS
        .iter()
        .map(|(description, bytes)| (*description, with_token(bytes)));
    lines
        .chain(headers)
        .chain(posts)
        .chain(others)
        .chain(large(&authorization))
        .collect()
}

const REQUEST_LINES: &[(&str, &[u8])] = &[
    (
        "two spaces before the target",
        b"DELETE  /actors/1 HTTP/1.1",
    ),
    (
        "two spaces before the version",
        b"DELETE /actors/1  HTTP/1.1",
    ),
    ("a tab for a space", b"DELETE\t/actors/1\tHTTP/1.1"),
    ("a space in the target", b"DELETE /actors/ 1 HTTP/1.1"),
    ("a null byte in the target", b"DELETE /actors/1\0 HTTP/1.1"),
    ("a null byte in the method", b"DEL\0ETE /actors/1 HTTP/1.1"),
    (
        "a delete character in the target",
        b"DELETE /actors/1\x7f HTTP/1.1",
    ),
    (
        "a carriage return in the target",
        b"DELETE /actors/1\rx HTTP/1.1",
    ),
    ("no method", b" /actors/1 HTTP/1.1"),
    ("a method of two words", b"DELETE IT /actors/1 HTTP/1.1"),
    ("a method with a bracket", b"DELETE[] /actors/1 HTTP/1.1"),
    (
        "a method that is no ASCII",
        b"D\xc3\x89LETE /actors/1 HTTP/1.1",
    ),
    ("no version", b"DELETE /actors/1"),
    ("a version that is none", b"DELETE /actors/1 HTTP/9.9"),
    ("another version", b"DELETE /actors/1 HTTP/2.0"),
    ("a version in small letters", b"DELETE /actors/1 http/1.1"),
    (
        "a version with more after it",
        b"DELETE /actors/1 HTTP/1.1 x",
    ),
    ("another protocol", b"DELETE /actors/1 RTSP/1.0"),
    ("a target without a slash", b"DELETE actors/1 HTTP/1.1"),
    ("a target that is a query", b"DELETE ?actors/1 HTTP/1.1"),
    (
        "a target without a host",
        b"DELETE http:///actors/1 HTTP/1.1",
    ),
    (
        "a target that is no UTF-8",
        b"DELETE /actors/1\xff\xfe HTTP/1.1",
    ),
    (
        "a query that is no UTF-8",
        b"DELETE /actors/1?\xff=\xfe HTTP/1.1",
    ),
    ("a query with a quote", b"DELETE /actors/1?a=\" HTTP/1.1"),
    ("a query with a tag", b"DELETE /actors/1?a=<b> HTTP/1.1"),
];

const HEADERS: &[(&str, &[u8])] = &[
    ("a header over two lines", b"X-Folded: a\r\n b"),
    ("a header without a colon", b"X-Nothing"),
    ("a header without a name", b": x"),
    ("a space in a name", b"X Name: x"),
    ("a space before a colon", b"X-Name : x"),
    ("a name that is no ASCII", b"X-N\xc3\xa4me: x"),
    ("a null byte in a name", b"X-\0: x"),
    ("a null byte in a value", b"X-Name: a\0b"),
    ("a carriage return in a value", b"X-Name: a\rb"),
    ("an escape character in a value", b"X-Name: \x1b[31m"),
    ("a length that is no number", b"Content-Length: x"),
    ("a length below zero", b"Content-Length: -1"),
    ("a length with a plus", b"Content-Length: +0"),
    ("a length in hexadecimal", b"Content-Length: 0x0"),
    ("a length with a fraction", b"Content-Length: 0.0"),
    ("a length of nothing", b"Content-Length:"),
    (
        "a length beyond 2^64",
        b"Content-Length: 18446744073709551616",
    ),
    ("two lengths", b"Content-Length: 0\r\nContent-Length: 1"),
    ("two lengths in one", b"Content-Length: 0, 1"),
    (
        "an encoding that nobody knows",
        b"Transfer-Encoding: xchunked",
    ),
    (
        "an encoding after the chunks",
        b"Transfer-Encoding: chunked, identity",
    ),
    (
        "an encoding with a vertical tab",
        b"Transfer-Encoding: \x0bchunked",
    ),
    (
        "an encoding with a space before the colon",
        b"Transfer-Encoding : chunked",
    ),
];

const POSTS: &[(&str, &[u8])] = &[
    ("a body cut short", b"Content-Length: 100\r\n\r\n{\"name\": \"Ida\", \"age\": 1, \"gender\": \"f\"}"),
    ("a body longer than it says", b"Content-Length: 2\r\n\r\n{\"name\": \"Ida\", \"age\": 1, \"gender\": \"f\"}"),
    (
        "a request in the rest of a body",
        b"Content-Length: 2\r\n\r\n{}DELETE /actors/1 HTTP/1.1\r\nHost: localhost\r\n@\r\n",
    ),
    (
        "chunks and a length",
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nDELETE /actors/1 HTTP/1.1\r\nHost: localhost\r\n@\r\n",
    ),
    (
        "a length and chunks",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nDELETE /actors/1 HTTP/1.1\r\nHost: localhost\r\n@\r\n0\r\n\r\n",
    ),
    ("two encodings", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a chunk without a size", b"Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n"),
    ("a chunk whose size is no number", b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n"),
    ("a chunk whose size is below zero", b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n"),
    ("a chunk whose size has a prefix", b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n"),
    ("a chunk whose size wraps", b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n"),
    ("a chunk that is longer than it says", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n"),
    ("a chunk that is shorter than it says", b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}\r\n0\r\n\r\n"),
    ("chunks without an end", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    ("a trailer that is none", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX\0\r\n\r\n"),
];

const OTHERS: &[(&str, &[u8])] = &[
    ("nothing", b""),
    ("line ends", b"\r\n\r\n\r\n\r\n"),
    ("null bytes", &[0; 200]),
    ("half a request line", b"DELETE /acto"),
    ("half a head", b"DELETE /actors/1 HTTP/1.1\r\nHost: localhost\r\n@"),
    ("a head without its last line", b"DELETE /actors/1 HTTP/1.1\r\nHost: localhost\r\n@X-Name: x"),
    ("a greeting of TLS", b"\x16\x03\x01\0\x05\x01\0\0\x01\0\r\n\r\n"),
    ("a greeting of SSH", b"SSH-2.0-OpenSSH_9.0\r\n\r\n"),
    (
        "a header of a proxy",
        b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nDELETE /actors/1 HTTP/1.1\r\nHost: localhost\r\n@\r\n",
    ),
    ("a command of Redis", b"*1\r\n$8\r\nFLUSHALL\r\n\r\n"),
];

/// Requests whose head is larger than allowed.
fn large(authorization: &str) -> Vec<(&'static str, Vec<u8>)> {
    let delete = |target: &str, headers: &str| {
        format!("DELETE {target} HTTP/1.1\r\nHost: localhost\r\n{authorization}{headers}\r\n")
            .into_bytes()
    };
    let many: String = (0..101)
        .map(|number| format!("X-{number}: x\r\n"))
        .collect();
    vec![
        ("a hundred headers and more", delete("/actors/1", &many)),
        (
            "a header of 20 KB",
            delete("/actors/1", &format!("X-Long: {}\r\n", "x".repeat(20_000))),
        ),
        (
            "a header of a megabyte",
            delete("/actors/1", &format!("X-Long: {}\r\n", "x".repeat(1 << 20))),
        ),
        (
            "a name of 70 KB",
            delete("/actors/1", &format!("X-{}: x\r\n", "x".repeat(70_000))),
        ),
        (
            "a query of 20 KB",
            delete(&format!("/actors/1?{}", "x".repeat(20_000)), ""),
        ),
        (
            "a target of 70 KB",
            delete(&format!("/actors/1?{}", "x".repeat(70_000)), ""),
        ),
        (
            "a method of 20 KB",
            [vec![b'D'; 20_000], delete("/actors/1", "")].concat(),
        ),
    ]
}
