//! What the people thought of this office and of each of its officers.
//!
//! Promise: an officer is the account that recorded the result. Start at [`Store::satisfaction`].

use std::collections::BTreeSet;

use motcua_shared::calendar::tomorrow;
use motcua_shared::contribution::Counters;
use motcua_shared::dossier::{Dossier, Event};
use motcua_shared::entry::Body;
use motcua_shared::period::Period;
use motcua_shared::satisfaction::{Satisfaction, officers};
use motcua_shared::survey::Answers;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{Result, Store, StoreError, office, record};

impl Store {
    /// The indices of the unit and of its officers, from the forms of dossiers that were resolved in the period.
    pub fn satisfaction(&self, period: Period) -> Result<Satisfaction> {
        let mut within = Counters::default();
        for sums in self.sums(period.from, period.to)? {
            within.add(&sums.within);
        }
        let mut statement = self.connection.prepare_cached(
            "select distinct d.id from dossier d join entry e on e.dossier = d.id
             where d.finished_at >= ?1 and d.finished_at < ?2 and d.state <> 'voided'
               and json_extract(e.body, '$.kind') = 'surveyed'",
        )?;
        let ids = statement.query_map(params![period.from.to_string(), tomorrow(period.to).to_string()], |row| row.get(0))?;
        let mut forms = Vec::new();
        for id in ids.collect::<rusqlite::Result<Vec<Uuid>>>()? {
            forms.extend(judged(&self.connection, id)?);
        }
        let unit = office(&self.connection)?.unit;
        let by_officer = officers(forms.iter().map(|(officer, answers)| (officer.as_str(), answers)));
        Ok(Satisfaction { officers: by_officer, ..Satisfaction::of(&unit, period, &within) })
    }
}

/// Who recorded the result of a dossier, and the form that came back for it.
fn judged(connection: &Connection, id: Uuid) -> Result<Option<(String, Answers)>> {
    let mut statement = connection.prepare_cached("select seq, hash, body, sealed from entry where dossier = ?1 order by n")?;
    let mut rows = statement.query([id])?;
    let (mut dossier, mut officer, mut origins) = (Dossier::new(id), None, BTreeSet::new());
    while let Some(row) = rows.next()? {
        let record = record(row)?;
        let body = Body::parse(record.seq, &record.body).map_err(|_| StoreError::Damaged(record.seq))?;
        if let Ok(event) = Event::parse(&body)
            && origins.insert(record.origin())
        {
            let open = dossier.finished.is_none();
            dossier.apply(&event);
            if open && dossier.finished.is_some() {
                officer = Some(body.author.to_string());
            }
        }
    }
    Ok(officer.zip(dossier.answers))
}
