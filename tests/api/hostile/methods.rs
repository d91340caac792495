//! Methods that a path does not have, in any spelling, and methods that no override header changes.

use super::HostileRequest;

pub(super) fn requests() -> Vec<HostileRequest> {
    let table = [
        ("PUT", "/actors/1", 405),
        ("PUT", "/actors", 405),
        ("get", "/actors/1", 405),
        ("PUT", "/movies/1", 405),
        ("HEAD", "/movies/1?include=cast", 405),
        ("POST", "/actors/1", 405),
        ("DELETE", "/actors", 405),
        ("PATCH", "/movies", 405),
        ("GET", "/actors/1", 200),
        ("HEAD", "/actors", 405),
        ("HEAD", "/actors/1", 405),
        ("OPTIONS", "/actors", 405),
        ("OPTIONS", "*", 404),
        ("TRACE", "/actors", 405),
        ("CONNECT", "localhost:443", 404),
        ("get", "/actors", 405),
        ("Get", "/actors", 405),
        ("delete", "/actors/1", 405),
        ("DELETED", "/actors/1", 405),
        ("PATC", "/actors/1", 405),
        ("ANY", "/actors/1", 405),
        ("PRI", "/actors", 405),
        ("PROPFIND", "/actors", 405),
        ("M-SEARCH", "/actors", 405),
        ("DEBUG", "/actors", 405),
        ("__proto__", "/actors", 405),
        ("!#$%&'*+-.^_`|~", "/actors", 405),
        ("0", "/actors", 405),
    ];
    let methods = table.into_iter().map(|(method, path, status)| {
        // HEAD's response has no body, and what follows CONNECT's would be a tunnel.
        HostileRequest::new(&format!("{method} {path}"), method, path, status)
    });
    let overrides = [
        "X-HTTP-Method-Override: DELETE",
        "X-HTTP-Method: DELETE",
        "X-Method-Override: DELETE",
        "_method: DELETE",
        "X-Original-Method: DELETE",
    ];
    let overridden = overrides.into_iter().flat_map(|line| {
        let on = |method, status| {
            HostileRequest::new(
                &format!("{method} with {line}"),
                method,
                "/actors/1?_method=DELETE",
                status,
            )
            .headers(format!("{line}\r\n"))
        };
        let patch = on("PATCH", 200).body("{}");
        [on("GET", 200), on("POST", 405), patch]
    });
    methods.chain(overridden).collect()
}
