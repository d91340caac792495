//! Where a warm request spends its instructions: a function beside its floor.

use std::collections::BTreeMap;
use std::path::Path;

use crate::callgrind::{self, EVENTS};
use crate::cases::{self, Measured};
use crate::program::grouped;
use crate::site::Sites;
use crate::{Failure, Plan};

/// The groups of functions: a title, and the starts of the functions' names. A name belongs to the
/// first group that it fits.
const GROUPS: [(&str, &[&str]); 12] = [
    (
        "`shared`, and the program's own",
        &["shared", "get_", "post_", "patch_", "delete_", "floor"],
    ),
    (
        "`sha2`, `hmac`: Signature Version 4",
        &["sha2", "hmac", "digest", "block_buffer", "hex"],
    ),
    (
        "AWS-LC: RSA",
        &[
            "aws_lc_*bn_",
            "aws_lc_*BN_",
            "aws_lc_*rsa",
            "aws_lc_*RSA",
            "bn_",
            "mul",
            "__bn",
        ],
    ),
    (
        "AWS-LC: TLS and digests",
        &["aws_lc", "aes", "gcm", "sha", "_aes"],
    ),
    (
        "malloc, free and realloc",
        &[
            "malloc",
            "free",
            "realloc",
            "calloc",
            "_int_",
            "__rust",
            "__rdl",
            "unlink_chunk",
            "cfree",
        ],
    ),
    (
        "copying and comparing memory",
        &["mem", "__mem", "bcmp", "__bcmp"],
    ),
    ("the SDK", &["aws_"]),
    (
        "`http`, `url`",
        &[
            "http::",
            "http_body",
            "url",
            "form_urlencoded",
            "percent_encoding",
            "idna",
        ],
    ),
    (
        "HTTP client, TLS and `tokio`",
        &[
            "hyper", "reqwest", "tokio", "tower", "rustls", "mio", "httparse", "futures", "bytes",
        ],
    ),
    (
        "`serde_json`, `base64`, `jsonwebtoken`",
        &["serde", "base64", "itoa", "zmij", "jsonwebtoken"],
    ),
    ("`lambda_http`, `lambda_runtime`", &["lambda", "aws_lambda"]),
    ("`tracing`", &["tracing"]),
];

/// Prints the profile of each request of the function that has a floor.
pub(crate) async fn print(
    plan: &Plan,
    sites: &Sites,
    folder: &Path,
    function: &str,
) -> Result<(), Failure> {
    let measured = cases::measured();
    let pairs = measured.iter().filter_map(|ours| {
        let floor = ours.floor.filter(|_| ours.program == function)?;
        Some((ours, &measured[floor]))
    });
    for (ours, floor) in pairs {
        let mut groups = BTreeMap::<_, [[f64; EVENTS.len()]; 2]>::new();
        for (index, Measured { program, case, .. }) in [ours, floor].into_iter().enumerate() {
            let launch = sites.launch(plan, program, case)?;
            let profile = callgrind::profile(sites, folder, &launch, case).await?;
            for (name, events) in profile {
                let sums = &mut groups.entry(group(&name)).or_default()[index];
                sums.iter_mut()
                    .zip(events)
                    .for_each(|(sum, event)| *sum += event);
            }
        }
        println!(
            "{}, `{function}` and `{}`:\n",
            ours.case.title(),
            floor.program
        );
        println!("{}", table(&groups));
    }
    Ok(())
}

/// The title of the group that a function belongs to.
fn group(function: &str) -> &'static str {
    let name = function.trim_start_matches(['<', '&', '*', '(']);
    let fits = |start: &&str| match start.split_once('*') {
        Some((start, part)) => name.starts_with(start) && name.contains(part),
        None => name.starts_with(start),
    };
    let mut groups = GROUPS.iter();
    groups
        .find(|(_, starts)| starts.iter().any(fits))
        .map_or("the rest", |(title, _)| title)
}

fn table(groups: &BTreeMap<&str, [[f64; EVENTS.len()]; 2]>) -> String {
    let mut table = "| functions | instructions | of the floor | cache misses | of the floor | wrong branches | of the floor |\n|---|---|---|---|---|---|---|\n".to_owned();
    let mut rows: Vec<_> = groups.iter().map(|(title, both)| (*title, *both)).collect();
    rows.sort_by(|(_, a), (_, b)| b[0][0].total_cmp(&a[0][0]));
    let sum = rows
        .iter()
        .fold([[0.0; EVENTS.len()]; 2], |sum, (_, both)| {
            [0, 1].map(|index| std::array::from_fn(|event| sum[index][event] + both[index][event]))
        });
    rows.push(("all", sum));
    for (title, both) in rows {
        let figure = |events: std::ops::Range<usize>| {
            both.map(|sums| grouped(sums[events.clone()].iter().sum::<f64>().max(0.0) as u64))
                .join(" | ")
        };
        table += &format!(
            "| {title} | {} | {} | {} |\n",
            figure(0..1),
            figure(1..4),
            figure(4..6)
        );
    }
    table
}
