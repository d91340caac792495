//! An id has exactly one accepted form, and every text in that form is an id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::model::Id;

fuzz_target!(|text: &str| {
    let id = Id::parse(text);
    // The same rule in other words: a number in the range that prints as the same text.
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    assert_eq!(id, number.and_then(Id::new));
    if let Some(id) = id {
        assert_eq!(id.to_string(), text);
        assert!((1..=Id::MAX.get()).contains(&id.get()));
    }
});
