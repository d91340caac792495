//! Queries of one shard of an index.

use super::error::Error;
use super::index::{self, Range};
use super::item::{Item, ItemView, text};
use super::record::Record;
use super::table::Table;

/// Rows of one shard of an index.
pub(super) struct Shard<R> {
    pub(super) rows: Vec<R>,
    /// The sort key of the last row, if the shard may have more rows in the range.
    pub(super) read_to: Option<String>,
}

impl<R: Record> Table<R> {
    /// Reads the first `count` rows of a range in one shard. Eventually consistent: a row that was
    /// just written may be missing. Costs half a read unit for each 4 KiB.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Failed`] or [`Error::Malformed`].
    pub(super) async fn read_index(
        &self,
        range: &Range,
        shard: u64,
        count: usize,
        descending: bool,
    ) -> Result<Shard<R>, Error> {
        let (mut rows, mut start) = (Vec::new(), None);
        // DynamoDB rejects a range whose low end is above its high end.
        if range.low > range.high {
            return Ok(Shard {
                rows,
                read_to: None,
            });
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
                .limit(i32::try_from(count - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = self.query(query).await?;
            rows.extend(page.rows);
            start = page.last;
            if start.is_none() || rows.len() >= count {
                let key = |last: Item| last.text(range.index.sort).map(str::to_owned);
                return Ok(Shard {
                    rows,
                    read_to: start.and_then(key),
                });
            }
        }
    }
}
