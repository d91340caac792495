//! Queries of one shard of an index.

use super::error::Error;
use super::index::{self, Range};
use super::item::text;
use super::record::Record;
use super::table::Table;

/// Rows of one shard of an index.
pub(super) struct Shard<R> {
    pub(super) rows: Vec<R>,
    /// Whether the shard has more rows in the range.
    pub(super) more: bool,
}

impl<R: Record> Table<R> {
    /// Reads the first rows of a range in one shard, at most `most` + 1 of them. Eventually
    /// consistent: a row that was just written may be missing. Costs half a read unit for each 4
    /// KiB.
    pub(super) async fn read_index(
        &self,
        range: &Range,
        shard: u64,
        most: usize,
        descending: bool,
    ) -> Result<Shard<R>, Error> {
        let (mut rows, mut start) = (Vec::new(), None);
        // DynamoDB rejects a range whose low end is above its high end.
        if range.low > range.high {
            return Ok(Shard { rows, more: false });
        }
        loop {
            let query = self
                .client
                .query()
                .table_name(self.name())
                .index_name(range.index.name)
                .scan_index_forward(!descending)
                .key_condition_expression(
                    "#partition = :partition AND #sort BETWEEN :low AND :high",
                )
                .expression_attribute_names("#partition", range.index.partition)
                .expression_attribute_names("#sort", range.index.sort)
                .expression_attribute_values(
                    ":partition",
                    text(&index::partition(shard, range.scope.as_deref())),
                )
                .expression_attribute_values(":low", text(&range.low))
                .expression_attribute_values(":high", text(&range.high))
                .limit(i32::try_from(most + 1 - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = self.query(query).await?;
            rows.extend(page.rows);
            start = page.last;
            if start.is_none() || rows.len() > most {
                return Ok(Shard {
                    more: start.is_some(),
                    rows,
                });
            }
        }
    }
}
