//! Queries of a list.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let table: &[(&str, &[u8], u16)] = &[
        ("a limit of nothing", b"limit=", 422),
        ("a limit without a value", b"limit", 422),
        ("a limit of zero", b"limit=0", 422),
        ("a limit below zero", b"limit=-1", 422),
        ("a limit above the greatest", b"limit=1001", 422),
        ("a limit beyond 2^64", b"limit=18446744073709551617", 422),
        ("a limit with a fraction", b"limit=1.0", 422),
        ("a limit with an exponent", b"limit=1e1", 422),
        ("a limit with a space", b"limit=+1", 422),
        ("a limit with a null byte", b"limit=1%00", 422),
        ("a limit in Arabic digits", b"limit=%d9%a1", 422),
        ("a limit that is no UTF-8", b"limit=%ff", 422),
        ("a limit that is SQL", b"limit=1;DROP%20TABLE%20actors", 422),
        ("two limits", b"limit=1&limit=2", 422),
        ("the same limit twice", b"limit=1&limit=1", 422),
        ("a limit and an encoded name of it", b"limit=1&%6cimit=2", 422),
        ("two limits in one", b"limit=1,2", 422),
        ("an after of zero", b"after=0", 422),
        ("an after beyond the greatest", b"after=9007199254740992", 422),
        ("an after that is no id", b"after=01", 422),
        ("an after that is a key of DynamoDB", b"after=%7b%22id%22:%7b%22N%22:%221%22%7d%7d", 422),
        ("an after at the greatest", b"after=9007199254740991", 200),
        ("a limit encoded is the limit", b"%6cimit=%31", 200),
        ("a limit in an array is another name", b"limit[]=0", 200),
        ("a limit in an object is another name", b"limit[$gt]=0", 200),
        ("a limit in another case is another name", b"LIMIT=0", 200),
        ("a prototype", b"__proto__[limit]=0&constructor.prototype.limit=0", 200),
        ("names of expressions", b"FilterExpression=true&ExclusiveStartKey=x&#a=:b&IndexName=y", 200),
        ("SQL", b"id=1'%20OR%20'1'='1&sort=(select%20sleep(9))", 200),
        ("a token where none counts", b"access_token=x&authorization=Bearer%20x", 200),
        ("nothing but separators", b"&&&==&;;&?&??", 200),
        ("bytes that are no UTF-8", b"%ff=%fe&%c3=%a9", 200),
        ("characters that no URL has", b"a={}|\\^`[]&b='", 200),
        ("escapes that are none", b"%=%zz&%u0031=%", 200),
        ("line ends", b"a=%0d%0aX-Injected:%20yes", 200),
        ("null bytes", b"%00=%00", 200),
    ];
    let rows =
        table.iter().map(|(what, query, status)| Row::new(what, "GET", [&b"/actors?"[..], query].concat(), *status));
    let many: String = (0..1000).map(|number| format!("p{number}=&")).collect();
    let many_limits = "limit=1&".repeat(500);
    let long = format!("/movies?{}", "é".repeat(3000));
    rows.chain([
        Row::new("a thousand parameters", "GET", format!("/actors?{many}"), 200),
        Row::new("five hundred limits", "GET", format!("/actors?{many_limits}"), 422),
        Row::new("six thousand bytes that the decoder's URL must have encoded", "GET", long, 200),
    ])
    .collect()
}
