//! An issuer under the test's control: the test decides what it publishes and when, and it counts
//! requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use local::{Role, SigningKey, Tokens};
use serde_json::json;
use shared::config::Issuer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How the issuer responds to a request for its keys.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// With this document.
    Publishes(String),
    /// With this status and a page.
    Fails(u16),
    /// With this document, after a delay.
    Delays(Duration, String),
    /// With this document, a byte at a time.
    SendsSlowly(String),
    /// With this document, labelled as compressed.
    Compresses(String),
    /// With a redirect to this URL.
    Redirects(String),
}

pub(crate) struct TestIssuer {
    pub(crate) url: Issuer,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    fetches: AtomicUsize,
}

impl TestIssuer {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            fetches: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let router = Router::new()
            .fallback(response)
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            shared,
            server,
        }
    }

    pub(crate) fn now(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    /// How often the keys were requested.
    pub(crate) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// A token of this issuer for the local API.
    pub(crate) fn token(&self, key: &Arc<SigningKey>, role: Role) -> String {
        Tokens::new(Arc::clone(key), self.url.as_str(), local::AUDIENCE)
            .issue(role)
            .unwrap()
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The key set document with these keys.
pub(crate) fn key_document(keys: &[&SigningKey]) -> String {
    json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() }).to_string()
}

async fn response(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let behaviour = shared.behaviour.lock().unwrap().clone();
    match behaviour {
        Behaviour::Publishes(document) => document.into_response(),
        Behaviour::Fails(status) => {
            (StatusCode::from_u16(status).unwrap(), "<html>sorry</html>").into_response()
        }
        Behaviour::Delays(pause, document) => {
            tokio::time::sleep(pause).await;
            document.into_response()
        }
        Behaviour::SendsSlowly(document) => {
            let bytes = document.into_bytes().into_iter();
            let stream = futures_util::stream::unfold(bytes, |mut bytes| async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let byte = bytes.next()?;
                Some((Ok::<_, std::convert::Infallible>(vec![byte]), bytes))
            });
            axum::body::Body::from_stream(stream).into_response()
        }
        Behaviour::Compresses(document) => {
            ([("content-encoding", "gzip")], document).into_response()
        }
        Behaviour::Redirects(target) => (StatusCode::FOUND, [("location", target)]).into_response(),
    }
}
