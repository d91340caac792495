//! What a page costs with a thousand rows and with a million: calls to DynamoDB, rows that they gave, and time.
//!
//!     cargo bench -p tests --bench finding            # 1,000 and 1,000,000 actors, and as many movies
//!     cargo bench -p tests --bench finding -- 100000  # another number than the million
//!
//! The functions run behind a proxy that counts. Times are medians of seven, of an optimised build, the database in the same process.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

#[path = "../api/support/proxy.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod proxy;

use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt, stream};
use local::{Options, Role, Stack};
use proxy::Proxy;
use serde_json::Value;
use shared::model::{Actor, Age, Gender, Id, Movie, Name, ReleaseDate};
use shared::store::Record;

const SMALL: u64 = 1000;

/// Pages that are asked for. Every filter comes alone, in the usual order; then the orders, and lists by casting.
const QUERIES: [&str; 18] = [
    "/actors?limit=20",
    "/actors?limit=20&sort=-id",
    "/actors?limit=20&name=mar",
    "/actors?limit=20&name=quintanilla",
    "/actors?limit=20&gender=female",
    "/actors?limit=20&gender=non-binary",
    "/actors?limit=20&min_age=30",
    "/actors?limit=20&max_age=20",
    "/actors?limit=20&sort=name",
    "/actors?limit=20&sort=-age",
    "/actors?limit=20&gender=female&min_age=20&max_age=30&sort=age",
    "/actors?limit=20&movie_id=1",
    "/movies?limit=20&title=night",
    "/movies?limit=20&released_from=1990-01-01",
    "/movies?limit=20&released_to=1960-12-31",
    "/movies?limit=20&sort=title",
    "/movies?limit=20&sort=-release_date",
    "/movies?limit=20&actor_id=1",
];

const FIRST: [&str; 12] =
    ["Mara", "Ilse", "Tomé", "Zoya", "Björn", "Aiko", "Noor", "Sefa", "Quentin", "Léonie", "Marek", "Oona"];
const LAST: [&str; 10] =
    ["Quintanilla", "Varga", "Okonjo", "Lindqvist", "Sarkar", "Ferro", "Ó Briain", "Tanaka", "Novák", "Marín"];
const TITLES: [&str; 8] =
    ["The Night", "A Harbour", "Salt", "Nightfall", "An Orchard", "Paper Boats", "The Long Way", "Glass"];

/// One of these; the numbers that choose have nothing to do with each other.
fn one_of(texts: &[&'static str], number: u64, step: u64) -> &'static str {
    texts[usize::try_from(number / step % texts.len() as u64).unwrap()]
}

fn actor(number: u64) -> Actor {
    let name = format!("{} {}", one_of(&FIRST, number, 1), one_of(&LAST, number, 12));
    let gender = if number.is_multiple_of(97) { "non-binary" } else { one_of(&["female", "male"], number, 3) };
    Actor {
        id: Id::new(number).unwrap(),
        name: Name::new(&name).unwrap(),
        age: Age::new(5 + number * 7 % 85).unwrap(),
        gender: Gender::new(gender).unwrap(),
    }
}

fn movie(number: u64) -> Movie {
    let title = format!("{} {}", one_of(&TITLES, number, 1), number % 1000);
    // Through 130 years from 1900 on.
    let seconds = -2_208_988_800 + i64::try_from(number * 7919 % 47_000).unwrap() * 86_400;
    Movie {
        id: Id::new(number).unwrap(),
        title: Name::new(&title).unwrap(),
        release_date: ReleaseDate::from_timestamp(seconds).unwrap(),
    }
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The item of a row, as the store would write it.
fn put<R: Record>(row: &R) -> WriteRequest {
    let id = row.id().get();
    let mut put = PutRequest::builder().item("bucket", number(id / 1000)).item("id", number(id));
    put = put.item("version", number(1));
    for (name, value) in row.attributes() {
        put = put.item(name, value);
    }
    WriteRequest::builder().put_request(put.build().unwrap()).build()
}

/// Puts rows into a table past the API, and has its counter say so.
async fn fill<R: Record>(stack: &Stack, table: &str, from: u64, to: u64, row: impl Fn(u64) -> R) {
    let batches: Vec<_> = (from..=to).step_by(25).map(|first| first..=(first + 24).min(to)).collect();
    let writes = stream::iter(batches).map(|ids| {
        let batch: Vec<_> = ids.map(|id| put(&row(id))).collect();
        let client = stack.client().clone();
        async move {
            let mut left = Some(batch);
            while let Some(batch) = left.take() {
                let written = client.batch_write_item().request_items(table, batch).send().await;
                left = match written {
                    Ok(written) => written.unprocessed_items.unwrap_or_default().remove(table),
                    Err(error) => panic!("{}", aws_sdk_dynamodb::error::DisplayErrorContext(error)),
                };
            }
        }
    });
    writes.buffer_unordered(2).for_each(async |()| {}).await;
    let counter = stack.client().put_item().table_name(table).item("bucket", number(-1)).item("id", number(0));
    counter.item("last_id", number(to)).send().await.unwrap();
}

/// What a page cost.
struct Cost {
    calls: usize,
    /// The rows that could have been read: the sum of the calls' limits.
    looked_at: u64,
    milliseconds: f64,
    rows: usize,
}

async fn cost(proxy: &Proxy, http: &reqwest::Client, stack: &Stack, query: &str) -> Cost {
    let token = stack.tokens.as_ref().unwrap().issue(Role::Producer).unwrap();
    let mut times = Vec::new();
    let (mut calls, mut rows) = (Vec::new(), 0);
    for _ in 0..7 {
        proxy.calls();
        let started = Instant::now();
        let request = http.get(format!("{}{query}", stack.api)).header("authorization", format!("Bearer {token}"));
        let body: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        calls = proxy.calls();
        rows = body[&query[1..7]].as_array().unwrap_or_else(|| panic!("{query}: {body}")).len();
    }
    times.sort_by(f64::total_cmp);
    let looked_at = calls.iter().filter_map(|call| call.body["Limit"].as_u64()).sum();
    Cost { calls: calls.len(), looked_at, milliseconds: times[3], rows }
}

async fn costs(proxy: &Proxy, stack: &Stack) -> Vec<Cost> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut costs = Vec::new();
    for query in QUERIES {
        costs.push(cost(proxy, &http, stack, query).await);
    }
    costs
}

#[tokio::main]
async fn main() {
    let large = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000_000);
    let proxy = Proxy::start().await;
    let stack = Stack::start(Options { dynamodb: Some(proxy.url()), ..Options::in_memory() }).await.unwrap();
    proxy.forward_to(&stack.dynamodb);
    let mut all = Vec::new();
    let mut last = 0;
    for count in [SMALL, large] {
        let started = Instant::now();
        fill(&stack, local::ACTORS_TABLE, last + 1, count, actor).await;
        fill(&stack, local::MOVIES_TABLE, last + 1, count, movie).await;
        last = count;
        eprintln!("{count} actors and {count} movies after {} s", started.elapsed().as_secs());
        if count == SMALL {
            cast(&stack).await;
        }
        all.push(costs(&proxy, &stack).await);
    }
    println!("{:62} {:>14} {:>14} {:>18} {:>8}", "", "calls", "rows at most", "milliseconds", "rows");
    println!("{:62} {:>6} {:>7} {:>6} {:>7} {:>8} {:>9} {:>8}", "page", SMALL, large, SMALL, large, SMALL, large, "");
    let mut different = 0;
    for (index, query) in QUERIES.iter().enumerate() {
        let (small, large) = (&all[0][index], &all[1][index]);
        different += usize::from(small.calls != large.calls);
        println!(
            "{query:62} {:>6} {:>7} {:>6} {:>7} {:>8.1} {:>9.1} {:>3} {:>4}",
            small.calls,
            large.calls,
            small.looked_at,
            large.looked_at,
            small.milliseconds,
            large.milliseconds,
            small.rows,
            large.rows
        );
    }
    println!("{} of {} pages take the same number of calls", QUERIES.len() - different, QUERIES.len());
    stack.stop().await;
}

/// Casts thirty actors in a movie, and one actor in a few more, through the API.
async fn cast(stack: &Stack) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = stack.tokens.as_ref().unwrap().issue(Role::Producer).unwrap();
    for movie in 1..=25 {
        let actors = if movie == 1 { 1..=30 } else { 1..=1 };
        let cast: Vec<_> = actors.map(|actor| serde_json::json!({"actor_id": actor})).collect();
        let request =
            http.patch(format!("{}/movies/{movie}", stack.api)).body(serde_json::json!({"cast": cast}).to_string());
        let answer = request.header("authorization", format!("Bearer {token}")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}
