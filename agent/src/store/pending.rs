//! How many dossiers have something that is not stored at the district yet.
//!
//! Promise: counted from the rows of the log; what was counted once is not read again, since entries never change and only
//! come after. Start at [`Store::pending_dossiers`].

use std::collections::BTreeSet;

use motcua_shared::entry::Seq;
use rusqlite::params;
use uuid::Uuid;

use super::{Result, Store};

/// The dossiers of the entries `after < seq <= through` of a stream.
#[derive(Default)]
pub(super) struct Counted {
    after: Seq,
    through: Seq,
    dossiers: BTreeSet<Uuid>,
}

impl Store {
    /// Dossiers with entries of a stream after `stored_through`.
    pub fn pending_dossiers(&self, stream: Uuid, stored_through: Seq) -> Result<u64> {
        let mut memory = self.pending.borrow_mut();
        let counted = memory.entry(stream).or_default();
        let head = self.head_of(stream)?.seq;
        if counted.after != stored_through || counted.through > head {
            *counted = Counted { after: stored_through, through: stored_through, dossiers: BTreeSet::new() };
        }
        if counted.through < head {
            let mut statement = self.connection.prepare_cached(
                "select dossier from entry where stream = ?1 and seq > ?2 and seq <= ?3 and dossier is not null",
            )?;
            for dossier in statement.query_map(params![stream, counted.through, head], |row| row.get(0))? {
                counted.dossiers.insert(dossier?);
            }
            counted.through = head;
        }
        Ok(u64::try_from(counted.dossiers.len()).unwrap_or(u64::MAX))
    }
}
