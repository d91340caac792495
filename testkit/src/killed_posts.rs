//! Keyed POSTs to a function's real bootstrap, which is killed at any moment.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local::Stack;
use serde_json::Value;

use crate::{Environment, start};

/// What a test sends, and when it kills a bootstrap.
pub struct Posts<E, C> {
    /// The path of the bootstrap.
    pub bootstrap: &'static str,
    /// The number of rounds; each has its own idempotency key.
    pub rounds: u64,
    /// The delay after which one of a round's two environments is killed.
    pub killed_after: fn(u64) -> Duration,
    /// Every this many rounds the other environment is killed as well, and the client retries.
    pub second_kill: u64,
    /// The event of an attempt in a round; all attempts of a round share its key.
    pub event: E,
    /// The id of the row that a response names, if it names one.
    pub created: C,
}

impl<E: Fn(u64, u64) -> Value, C: Fn(&Value) -> Option<u64>> Posts<E, C> {
    /// Sends all rounds; returns each round by the id of the one row that all its responses name.
    pub async fn send(&self, stack: &Stack) -> BTreeMap<u64, u64> {
        let mut acknowledged = BTreeMap::new();
        let mut killed = 0;
        let mut steady = start(stack, self.bootstrap).await;
        for round in 1..=self.rounds {
            // Two environments get the same request at the same time; one of them is killed a
            // little later each round.
            let mut environment = start(stack, self.bootstrap).await;
            let lost_response = environment.respond_to(&(self.event)(round, 1));
            let steady_response = steady.respond_to(&(self.event)(round, 2));
            tokio::time::sleep((self.killed_after)(round)).await;
            environment.kill();
            let mut ids = BTreeSet::new();
            match lost_response.await {
                Some(response) => ids.extend((self.created)(&response)),
                None => killed += 1,
            }
            if round % self.second_kill == 0 {
                steady.kill();
                steady = start(stack, self.bootstrap).await;
            }
            ids.extend(steady_response.await.as_ref().and_then(&self.created));
            ids.insert(self.retry(&steady, round).await);
            assert_eq!(ids.len(), 1, "round {round}: every response names one row");
            acknowledged.insert(*ids.first().unwrap(), round);
        }
        assert!(killed > 20, "only {killed} kills came before a response");
        acknowledged
    }

    /// Retries, as a client does that has no response, until a response names a row.
    async fn retry(&self, steady: &Environment, round: u64) -> u64 {
        for attempt in 3.. {
            let event = (self.event)(round, attempt);
            let response = steady.respond_to(&event).await.unwrap();
            if let Some(id) = (self.created)(&response) {
                return id;
            }
            let busy = [409, 503].contains(&response["statusCode"].as_u64().unwrap());
            assert!(busy && attempt < 20, "round {round}: {response}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        unreachable!("an attempt ends it")
    }
}
