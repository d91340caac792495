//! The store on the real client, against a real DynamoDB.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::future::join_all;
use shared::model::{Actor, ActorChanges, Age, Gender, Id, Name, NewActor};
use shared::store::{Bounds, Error, MAX_BUCKETS, MAX_LIMIT, Precondition, Table};

use crate::support::Api;

fn everything() -> Bounds {
    Bounds::ascending(MAX_LIMIT, None)
}

fn actors(api: &Api) -> Table<Actor> {
    Table::new(api.stack.client().clone(), local::ACTORS_TABLE)
}

fn ida() -> NewActor {
    NewActor {
        name: Name::new("Ida").unwrap(),
        age: Age::new(34).unwrap(),
        gender: Gender::new("f").unwrap(),
    }
}

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Sets the counter as if the ids up to `last` had been assigned.
async fn count_to(api: &Api, last: u64) {
    let put = api
        .stack
        .client()
        .put_item()
        .table_name(local::ACTORS_TABLE)
        .item("bucket", AttributeValue::N("-1".into()));
    put.item("id", number(0))
        .item("last_id", number(last))
        .send()
        .await
        .unwrap();
}

async fn all_ids(actors: &Table<Actor>, limit: u16) -> Vec<u64> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let listing = actors
            .list(Bounds::ascending(limit, after), |_| true)
            .await
            .unwrap();
        ids.extend(listing.rows.iter().map(|actor| actor.id.get()));
        after = match listing.next {
            Some(next) => Some(next),
            None => return ids,
        };
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_concurrent_creations_get_consecutive_ids_and_are_listed() {
    let api = Api::start().await;
    let actors = actors(&api);
    let created = join_all((0..200).map(|_| actors.create(ida()))).await;
    let mut ids: Vec<_> = created
        .into_iter()
        .map(|actor| actor.unwrap().row.id.get())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
    assert_eq!(all_ids(&actors, MAX_LIMIT).await, ids);
}

#[tokio::test]
async fn a_list_across_buckets_is_complete_and_in_order() {
    let api = Api::start().await;
    let actors = actors(&api);
    let mut expected = Vec::new();
    // On both sides of two bucket borders, then after a gap of many empty buckets, then in a
    // distant bucket.
    for last in [0, 997, 998, 999, 1000, 1998, 1999, 57_998, 57_999, 99_999] {
        count_to(&api, last).await;
        expected.push(actors.create(ida()).await.unwrap().row.id.get());
    }
    assert_eq!(
        expected,
        [1, 998, 999, 1000, 1001, 1999, 2000, 57_999, 58_000, 100_000]
    );
    for limit in [1, 2, 3, 7, 10, MAX_LIMIT] {
        assert_eq!(all_ids(&actors, limit).await, expected, "{limit}");
    }
    let after = actors
        .list(Bounds::ascending(2, Some(id(1999))), |_| true)
        .await
        .unwrap();
    assert_eq!(
        after
            .rows
            .iter()
            .map(|actor| actor.id.get())
            .collect::<Vec<_>>(),
        [2000, 57_999]
    );
    for number in [1, 1001, 58_000] {
        actors
            .delete(id(number), &Precondition::Exists)
            .await
            .unwrap();
        expected.retain(|id| *id != number);
    }
    assert_eq!(all_ids(&actors, 2).await, expected);
}

#[tokio::test]
async fn a_page_reads_a_bounded_number_of_buckets_and_returns_next() {
    let api = Api::start().await;
    let actors = actors(&api);
    let far = MAX_BUCKETS * 1000 * 2 + 5;
    count_to(&api, far - 1).await;
    assert_eq!(actors.create(ida()).await.unwrap().row.id.get(), far);
    let first = actors.list(everything(), |_| true).await.unwrap();
    assert_eq!(
        (first.rows.len(), first.next),
        (0, Some(id(MAX_BUCKETS * 1000 - 1)))
    );
    assert_eq!(all_ids(&actors, MAX_LIMIT).await, [far]);
}

#[tokio::test]
async fn a_list_longer_than_one_dynamodb_response_is_complete() {
    let api = Api::start().await;
    let actors = actors(&api);
    // 1 MB is the most that one Query returns; these rows come to more.
    let text = |characters: usize| AttributeValue::S("🎭".repeat(characters));
    for batch in 0..38 {
        let rows = (1..=25).map(|row| {
            let put = PutRequest::builder()
                .item("bucket", number(0))
                .item("id", number(batch * 25 + row));
            let put = put
                .item("name", text(200))
                .item("gender", text(80))
                .item("age", number(34))
                .build()
                .unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        let write = api
            .stack
            .client()
            .batch_write_item()
            .request_items(local::ACTORS_TABLE, rows.collect());
        assert!(
            write
                .send()
                .await
                .unwrap()
                .unprocessed_items()
                .is_none_or(|left| left.is_empty())
        );
    }
    count_to(&api, 950).await;
    let listing = actors.list(everything(), |_| true).await.unwrap();
    assert_eq!((listing.rows.len(), listing.next), (950, None));
    assert!(listing.rows.windows(2).all(|pair| pair[0].id < pair[1].id));
}

#[tokio::test]
async fn updating_or_deleting_a_missing_row_creates_nothing() {
    let api = Api::start().await;
    let actors = actors(&api);
    let changes = ActorChanges {
        age: Age::new(1),
        ..ActorChanges::default()
    };
    for missing in [id(1), id(999), id(1000), Id::MAX] {
        assert!(matches!(
            actors
                .update(missing, &changes, &Precondition::Exists)
                .await,
            Err(Error::Missing)
        ));
        assert!(matches!(
            actors
                .update(missing, &ActorChanges::default(), &Precondition::Exists)
                .await,
            Err(Error::Missing)
        ));
        assert!(matches!(
            actors.delete(missing, &Precondition::Exists).await,
            Err(Error::Missing)
        ));
    }
    let scan = api
        .stack
        .client()
        .scan()
        .table_name(local::ACTORS_TABLE)
        .send()
        .await
        .unwrap();
    assert_eq!(scan.count, 0);
}

#[tokio::test]
async fn concurrent_updates_of_different_fields_are_both_kept() {
    let api = Api::start().await;
    let actors = actors(&api);
    let row = actors.create(ida()).await.unwrap().row.id;
    for round in 0..20_u64 {
        let older = ActorChanges {
            age: Age::new(round),
            ..ActorChanges::default()
        };
        let renamed = ActorChanges {
            name: Name::new(&format!("Ida {round}")),
            ..ActorChanges::default()
        };
        let (one, other) = tokio::join!(
            actors.update(row, &older, &Precondition::Exists),
            actors.update(row, &renamed, &Precondition::Exists)
        );
        one.unwrap();
        other.unwrap();
        let actor = actors.get(row).await.unwrap().row;
        assert_eq!(
            (u64::from(actor.age.get()), actor.name.as_str()),
            (round, format!("Ida {round}").as_str())
        );
        assert_eq!(actor.gender, Gender::new("f").unwrap());
    }
}

#[tokio::test]
async fn a_malformed_item_fails_the_list_instead_of_shortening_it() {
    let api = Api::start().await;
    let actors = actors(&api);
    actors.create(ida()).await.unwrap();
    count_to(&api, 2).await;
    let put = api
        .stack
        .client()
        .put_item()
        .table_name(local::ACTORS_TABLE)
        .item("bucket", number(0))
        .item("id", number(2));
    put.item("name", AttributeValue::S("Ida".into()))
        .item("age", AttributeValue::S("old".into()))
        .send()
        .await
        .unwrap();
    let error = actors.list(everything(), |_| true).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "store: malformed item 2 in table actors: age"
    );
    api.get(local::Role::Assistant, "/actors")
        .await
        .expect_error(500, "internal server error");
}

#[tokio::test]
async fn creation_fails_after_the_greatest_id() {
    let api = Api::start().await;
    let actors = actors(&api);
    count_to(&api, Id::MAX.get() - 1).await;
    assert_eq!(actors.create(ida()).await.unwrap().row.id, Id::MAX);
    assert!(matches!(
        actors.create(ida()).await,
        Err(Error::IdsExhausted)
    ));
}

#[tokio::test]
async fn a_missing_table_is_an_error_with_dynamodbs_code() {
    let api = Api::start().await;
    let actors = Table::<Actor>::new(api.stack.client().clone(), "nowhere");
    let error = actors.list(everything(), |_| true).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "store: Query failed: ResourceNotFoundException"
    );
}
