//! What another website, open in the developer's browser, can do to the local stack: nothing.

use local::Options;
use local::Role::Producer;
use reqwest::{Method, RequestBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Api, client, options, send};

/// The URLs of the four services.
fn services(api: &Api) -> [String; 4] {
    [
        api.stack.console.clone().unwrap(),
        api.stack.api.clone(),
        api.stack.identity.clone().unwrap(),
        api.stack.dynamodb.clone(),
    ]
}

/// The status of a GET with these header lines, on its own connection.
async fn status(url: &str, target: &str, lines: &str) -> u16 {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .unwrap();
    let request = format!("GET {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response[9..12].parse().unwrap()
}

#[tokio::test]
async fn an_unknown_host_returns_421_on_every_port() {
    let api = Api::start().await;
    for url in services(&api) {
        let port = url.rsplit(':').next().unwrap();
        for host in [
            "evil.example".to_owned(),
            format!("evil.example:{port}"),
            "[".into(),
            "a b".into(),
            String::new(),
        ] {
            assert_eq!(
                status(&url, "/", &format!("Host: {host}\r\n")).await,
                421,
                "{host}"
            );
        }
        assert_eq!(
            status(&url, "/", "Host: localhost\r\nHost: evil.example\r\n").await,
            421
        );
        assert_eq!(
            status(&url, "http://evil.example/", "Host: localhost\r\n").await,
            421
        );
        for host in [
            url.trim_start_matches("http://"),
            "localhost",
            "127.0.0.1:1",
            "[::1]:3000",
            "LOCALHOST:80",
        ] {
            assert_ne!(
                status(&url, "/", &format!("Host: {host}\r\n")).await,
                421,
                "{host}"
            );
        }
        let response = client()
            .get(&url)
            .header("host", "evil.example")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 421);
        let message = response.text().await.unwrap();
        assert!(
            message.contains("DNS rebinding") && message.contains("--allow-host"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_allowed_host_is_accepted_on_every_port() {
    let api = Api::with(Options {
        hosts: vec!["host.docker.internal".into()],
        ..options()
    })
    .await;
    for url in services(&api) {
        assert_ne!(
            status(&url, "/", "Host: host.docker.internal:8000\r\n").await,
            421
        );
        assert_eq!(status(&url, "/", "Host: evil.example\r\n").await, 421);
    }
}

/// A DynamoDB call as a client signs it.
fn list_tables(api: &Api) -> RequestBuilder {
    let signature = "AWS4-HMAC-SHA256 Credential=local/20200514/local/dynamodb/aws4_request, SignedHeaders=host, Signature=x";
    let request = client()
        .post(&api.stack.dynamodb)
        .header("authorization", signature)
        .body("{}");
    request
        .header("x-amz-date", "20200514T140213Z")
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
}

#[tokio::test]
async fn no_website_reaches_dynamodb() {
    let api = Api::start().await;
    assert_eq!(list_tables(&api).send().await.unwrap().status(), 200);
    let own = api.stack.dynamodb.clone();
    let of_browsers = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", own.as_str()),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ];
    for (name, value) in of_browsers {
        let call = list_tables(&api);
        let preflight = client()
            .request(Method::OPTIONS, &own)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-amz-target");
        let socket = client()
            .get(&own)
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        for request in [
            call,
            preflight,
            socket,
            client().get(format!("{own}/nowhere")),
        ] {
            let response = request.header(name, value).send().await.unwrap();
            assert_eq!(response.status(), 403, "{name}: {value}");
            let allows = response
                .headers()
                .keys()
                .any(|name| name.as_str().starts_with("access-control-"));
            assert!(!allows, "{response:?}");
            assert!(
                response
                    .text()
                    .await
                    .unwrap()
                    .contains("no website may reach the local database")
            );
        }
    }
}

#[tokio::test]
async fn a_website_can_call_the_api_but_cannot_get_a_token() {
    let api = Api::start().await;
    api.add_actor("Ida").await;
    for (method, path) in [("GET", "/actors"), ("DELETE", "/actors/1")] {
        let response = send(
            api.request(method, path)
                .header("origin", "https://evil.example"),
        )
        .await;
        response.expect_error(401, "Authorization header is expected.");
    }
    let identity = api.stack.identity.clone().unwrap();
    for path in [
        "/",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/docs",
        "/openapi.yaml",
    ] {
        let response = client()
            .get(format!("{identity}{path}"))
            .header("origin", "https://evil.example")
            .send()
            .await
            .unwrap();
        assert!(
            !response
                .headers()
                .contains_key("access-control-allow-origin"),
            "{path}"
        );
    }
    assert_eq!(
        api.get(Producer, "/actors").await.expect(200)["actors"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
