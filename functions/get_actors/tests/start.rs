//! Starts the real bootstrap with a store and an issuer that do not respond.

use std::net::TcpListener;
use std::time::Duration;

use testkit::{Environment, Launch};

#[tokio::test]
async fn a_function_starts_in_time_if_store_and_issuer_do_not_respond() {
    // The kernel accepts connections to this socket, but nobody responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for address in [silent.local_addr().unwrap(), gone] {
        let url = format!("http://{address}");
        let launch = Launch::local(env!("CARGO_BIN_EXE_get_actors"), &url, &url);
        let mut environment = Environment::start(&launch, None).await.unwrap();
        let ready = environment.ready().await.unwrap();
        // A fetch of the keys times out after 3 s; a start waits only 20 ms.
        assert!(ready < Duration::from_millis(2500), "{ready:?}");
    }
}
