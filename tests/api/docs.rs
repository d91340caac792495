//! The contract and the page to try it, as served by the identity service.

use local::Role;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::support::template::yaml;
use crate::support::{Api, client};

async fn get(api: &Api, path: &str) -> (StatusCode, HeaderMap, String) {
    let response = client()
        .get(format!("{}{path}", api.stack.identity.as_ref().unwrap()))
        .send()
        .await
        .unwrap();
    (
        response.status(),
        response.headers().clone(),
        response.text().await.unwrap(),
    )
}

#[tokio::test]
async fn the_openapi_document_is_served_with_the_running_apis_url() {
    let api = Api::start().await;
    let (status, headers, body) = get(&api, "/openapi.yaml").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (StatusCode::OK, &"application/yaml".parse().unwrap())
    );
    let mut contract = yaml(include_str!("../../docs/openapi.yaml"));
    contract["servers"][0]["url"] = api.stack.api.as_str().into();
    assert_eq!(yaml(&body), contract);
}

#[tokio::test]
async fn the_docs_page_has_a_button_per_role_and_loads_only_its_own_files() {
    let api = Api::start().await;
    let (status, headers, page) = get(&api, "/docs").await;
    assert_eq!(status, StatusCode::OK);
    for role in Role::ALL {
        assert!(
            page.contains(&format!("value=\"{}\"", role.user_name()))
                && page.contains(role.title()),
            "{page}"
        );
    }
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    assert!(
        policy.contains(&format!("connect-src 'self' {};", api.stack.api)),
        "{policy}"
    );
    for (_, rest) in page
        .match_indices("src=\"")
        .chain(page.match_indices("href=\""))
        .map(|(at, _)| page.split_at(at))
    {
        let path = rest.split('"').nth(1).unwrap();
        assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
        assert_eq!(get(&api, path).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn paths_that_are_not_docs_files_return_404() {
    let api = Api::start().await;
    for path in [
        "/docs/",
        "/docs/swagger-ui.js",
        "/docs/index.html",
        "/docs/..%2fCargo.toml",
        "/docs/a/b",
        "/openapi.json",
    ] {
        assert_eq!(get(&api, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_front_page_links_to_the_docs_page() {
    let api = Api::start().await;
    let (_, _, page) = get(&api, "/").await;
    assert!(page.contains("href=\"/docs\""), "{page}");
}
