//! An id has one spelling, and whatever has it is an id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::model::Id;

fuzz_target!(|text: &str| {
    let id = Id::parse(text);
    // The other way to say it: a number that is spelled as it would be printed, and that is in the range.
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    assert_eq!(id, number.and_then(Id::new));
    if let Some(id) = id {
        assert_eq!(id.to_string(), text);
        assert!((1..=Id::MAX.get()).contains(&id.get()));
    }
});
