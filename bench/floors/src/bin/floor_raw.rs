//! `GET /actors/{id}`, `GET /actors?limit=` and `PATCH /actors/{id}` without the SDK: the limit.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), floors::Error> {
    floors::raw::run().await
}
