//! `local demo`.

use local::Role;
use local::demo::{self, Count, Filled};
use tokio::net::TcpStream;

use super::{Identity, token};

/// Fills the local stack, and returns what exists now and what to look at.
pub(crate) async fn demo(port: u16, identity: Identity) -> Result<String, String> {
    let api = format!("http://{}:{port}", identity.listen);
    // Without a stack there may be no token either, and then the error would be about the token.
    if TcpStream::connect((identity.listen, port)).await.is_err() {
        return Err(format!(
            "no local stack runs at {api}; start it in another terminal with `cargo run -p local`"
        ));
    }
    let token = token(Role::Producer, identity).await?;
    let filled = demo::fill(&api, &token).await;
    let filled = filled.map_err(|error| format!("{error}; the rows added so far stay"))?;
    Ok(tour(&filled, &api, identity))
}

/// What exists now, and what to look at.
fn tour(Filled { actors, movies }: &Filled, api: &str, identity: Identity) -> String {
    let count = |Count { made, there }: &Count| format!("{made} made, {there} already there");
    let curl = |path: &str| format!("curl -s '{api}{path}' -H \"authorization: Bearer $TOKEN\"");
    let [women, casts, credits] = DEMO_QUERIES.map(curl);
    format!(
        "actors: {}\nmovies: {}\n\nTry next:\n\nTOKEN=$(cargo run -q -p local -- token assistant{})\n{women}\n{casts}\n{credits}\n\n\
         or look at them in the console, whose address the stack printed first,\n\
         or send each request in the browser: {}docs",
        count(actors),
        count(movies),
        identity.flags(),
        identity.url(),
    )
}

/// Women from 20 to 30, movies with who is in them, and the oldest actors with what they were in.
const DEMO_QUERIES: [&str; 3] = [
    "/actors?gender=female&min_age=20&max_age=30&sort=name",
    "/movies?include=cast&limit=3",
    "/actors?sort=-age&include=credits&limit=3",
];
