//! The file that open dossiers go over in, from an office that ends to the one that takes its place.
//!
//! Promise: a file is whole on the disk before anything is closed; its words are told only after that, so that a file whose
//! words nobody knows is worth nothing and is simply written again. Start at [`export`] and [`import`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use motcua_shared::calendar::LocalTime;
use motcua_shared::handover::{self, Letter, LetterError};
use motcua_shared::seal::{KeyError, RecoveryKey};
use motcua_shared::unit::code_of;

use crate::office::chance;
use crate::store::{HandedOut, Pen, Store, StoreError, TakenIn};

/// Why nothing went over, in words for whoever carries the file.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Letter(#[from] LetterError),
    #[error("mã mở gói: {0}")]
    Words(#[from] KeyError),
    #[error("không ghi được {0}: {1}; chưa bàn giao hồ sơ nào")]
    Write(PathBuf, #[source] io::Error),
    #[error("không đọc được {0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    #[error("{0} đã có và không phải gói bàn giao; hãy chọn tên khác. Chưa bàn giao hồ sơ nào")]
    Occupied(PathBuf),
    #[error("mã đơn vị nhận “{0}” không hợp lệ; cần mã như 11098, hoặc 11098@2024-12-01")]
    Unit(String),
    #[error("gói này dành cho đơn vị {to}, máy này của đơn vị {here}; chưa nhận hồ sơ nào")]
    OtherUnit { to: String, here: String },
    #[error("gói này do chính máy này xuất; hãy mang sang máy của đơn vị nhận. Chưa nhận hồ sơ nào")]
    Own,
}

/// Hands every open dossier over to unit `to` by `file`. Gives the words that open it, to be told once.
pub fn export(store: &mut Store, to: &str, file: &Path, at: LocalTime, pen: &Pen) -> Result<(HandedOut, String), HandoverError> {
    let code = code_of(to);
    let well_formed = !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric());
    if !well_formed || (code != to && motcua_shared::unit::since_of(to).is_none()) {
        return Err(HandoverError::Unit(to.to_owned()));
    }
    let words = RecoveryKey::new(chance());
    let out = store.handover_export(to, at, pen, |letter| write(file, &letter.lock(&words, chance())))?;
    Ok((out, words.to_text()))
}

/// Takes over what is in `file`.
pub fn import(store: &mut Store, file: &Path, words: &str, pen: &Pen) -> Result<(TakenIn, String), HandoverError> {
    let words = RecoveryKey::parse(words)?;
    let bytes = fs::read(file).map_err(|error| HandoverError::Read(file.to_owned(), error))?;
    let letter = Letter::open(&bytes, &words)?;
    let here = store.office()?.unit;
    if code_of(&letter.to) != here {
        return Err(HandoverError::OtherUnit { to: letter.to, here });
    }
    let from = format!("{} ({})", letter.from_name, letter.from);
    let taken = store.handover_import(letter, pen)?;
    if taken.own { Err(HandoverError::Own) } else { Ok((taken, from)) }
}

/// Puts the letter in the place of nothing, or of an older one, whole or not at all.
fn write(file: &Path, bytes: &[u8]) -> Result<(), HandoverError> {
    let failed = |error| HandoverError::Write(file.to_owned(), error);
    if file.exists() && !begins_as_a_letter(file).map_err(failed)? {
        return Err(HandoverError::Occupied(file.to_owned()));
    }
    let unfinished = file.with_extension("part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&unfinished).map_err(failed)?;
    out.write_all(bytes).and_then(|()| out.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, file).map_err(failed)?;
    // The new name is durable with its folder; where a folder cannot be opened, as on Windows, it is by itself.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all()).map_err(failed)
}

fn begins_as_a_letter(file: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(file)?.take(64).read_to_end(&mut head)?;
    Ok(handover::is_letter(&head))
}

#[cfg(test)]
mod tests {
    use motcua_shared::calendar::Calendar;
    use motcua_shared::catalogue::Catalogue;
    use motcua_shared::dossier::{Event, Finished, Moment, Outcome};
    use motcua_shared::period::Period;
    use motcua_shared::reception::Draft;
    use motcua_shared::report::Columns;
    use motcua_shared::seal::OfficeKey;
    use motcua_shared::typed;
    use uuid::Uuid;

    use super::*;
    use crate::office::{self, Name, now};
    use crate::store::Refusal;
    use crate::web::api::ii06;

    struct Desk {
        store: Store,
        key: OfficeKey,
        data: tempfile::TempDir,
    }

    impl Desk {
        fn new(unit: &str, name: &str) -> Desk {
            let data = tempfile::tempdir().expect("a directory");
            let (office, _) = office::found(data.path(), &Name { unit, name, identifier: None }).expect("an office");
            let key = office::office_key(data.path(), &office).expect("its key");
            Desk { store: Store::open(data.path()).expect("its store"), key, data }
        }

        fn write<T>(&mut self, work: impl FnOnce(&mut Store, &Pen) -> T) -> T {
            let pen = Pen { author: "counter", now: now(), key: &self.key, salt: || [0; 8] };
            work(&mut self.store, &pen)
        }

        fn receive(&mut self, at: &str, name: &str) -> String {
            let draft = Draft {
                id: Uuid::now_v7().to_string(),
                procedure: "2.000815".to_owned(),
                channel: "in_person".to_owned(),
                submitted_by: "citizen".to_owned(),
                name: name.to_owned(),
                received_at: at.to_owned(),
                ..Draft::default()
            };
            let reception = draft.check(&Catalogue::starter(), &Calendar::starter(), now()).expect("good");
            self.write(|store, pen| store.receive(reception, pen)).expect("received")
        }

        fn step(&mut self, code: &str, event: Event, note: &str) -> Result<(), StoreError> {
            self.write(|store, pen| store.step(code, event, Some(note.to_owned()), pen))
        }

        fn total(&self, from: &str, to: &str) -> Columns {
            let day = |text: &str| text.parse().expect("a date");
            let report = ii06(&self.store, Period::new(day(from), day(to)).expect("a period")).expect("a form");
            assert_eq!(report.broken_identities(), []);
            report.total
        }

        #[track_caller]
        fn sound(&mut self) {
            let key = self.key.clone();
            assert!(self.store.verify(&key).expect("read").is_ok());
        }
    }

    fn at(text: &str) -> LocalTime {
        typed::time(text).expect("a time")
    }

    /// Ngọc Kỳ with one dossier that is done, one that waits for papers, one with a result that nobody fetched.
    fn old() -> (Desk, [String; 3]) {
        let mut old = Desk::new("11089", "Xã Ngọc Kỳ");
        let codes = ["Một", "Hai", "Ba"].map(|name| old.receive("09:00 20/11/2024", &format!("Nguyễn Thử {name}")));
        let done = |text: &str| Event::Finished(Finished { at: at(text), outcome: Outcome::Granted });
        old.step(&codes[0], done("10:00 20/11/2024"), "").expect("finished");
        old.step(&codes[0], Event::Returned(Moment { at: at("11:00 20/11/2024") }.into()), "").expect("returned");
        old.step(&codes[1], Event::SupplementRequested(Moment { at: at("10:00 20/11/2024") }), "thiếu bản sao").expect("asked");
        old.step(&codes[2], done("10:30 20/11/2024"), "").expect("finished");
        (old, codes)
    }

    #[test]
    fn open_dossiers_go_over_with_their_persons_and_remarks_and_are_closed_here() {
        let (mut old, codes) = old();
        let mut new = Desk::new("11098", "Xã Kỳ Sơn");
        let file = old.data.path().join("ban-giao");
        let day = at("00:00 01/12/2024");
        let (out, words) = old.write(|store, pen| export(store, "11098", &file, day, pen)).expect("written");
        assert_eq!((out.closed, out.again), (2, 0));
        let refused = old.step(&codes[1], Event::Finished(Finished { at: now(), outcome: Outcome::Granted }), "");
        assert!(matches!(refused, Err(StoreError::Refused(Refusal::State(_)))), "{refused:?}");
        let (taken, from) = new.write(|store, pen| import(store, &file, &words, pen)).expect("read");
        assert_eq!((taken.taken, taken.known, from.as_str()), (2, 0, "Xã Ngọc Kỳ (11089)"));
        let rows = [&codes[1], &codes[2]].map(|code| new.store.dossier_find(code).expect("there"));
        assert_eq!(rows.each_ref().map(|row| row.state.as_str()), ["awaiting_supplement", "finished"]);
        assert_eq!(rows[0].book.map(|place| (place.year, place.number)), Some((2024, 1)));
        let persons = new.store.persons(&rows, &new.key).expect("opened");
        let person = persons[0].clone().expect("sealed again");
        assert_eq!(person.name.as_deref(), Some("Nguyễn Thử Hai"));
        assert!(person.note.is_some_and(|note| note.contains("thiếu bản sao")));
        new.step(&codes[2], Event::Returned(Moment { at: at("09:00 02/12/2024") }.into()), "").expect("fetched at the new desk");
        for desk in [&mut old, &mut new] {
            desk.sound();
            desk.store.rebuild().expect("rebuilt");
            desk.sound();
        }
    }

    #[test]
    fn figures_move_on_the_day_of_the_hand_over_and_nothing_is_counted_twice() {
        let (mut old, codes) = old();
        let mut new = Desk::new("11098", "Xã Kỳ Sơn");
        let file = old.data.path().join("ban-giao");
        let (_, words) = old.write(|store, pen| export(store, "11098", &file, at("00:00 01/12/2024"), pen)).expect("written");
        new.write(|store, pen| import(store, &file, &words, pen)).expect("read");
        new.step(&codes[1], Event::Finished(Finished { at: at("09:00 03/12/2024"), outcome: Outcome::Withdrawn }), "")
            .expect("done");
        let november = old.total("2024-11-01", "2024-11-30");
        assert_eq!((november.received.total, november.resolved.total, november.pending.total), (3, 2, 1));
        let december = (old.total("2024-12-01", "2024-12-31"), new.total("2024-12-01", "2024-12-31"));
        assert_eq!(december.0, Columns::default(), "the old office's chain ends");
        assert_eq!((december.1.received.carried_over, december.1.received.direct), (november.pending.total, 0));
        assert_eq!((december.1.resolved.total, december.1.pending.total), (1, 0));
        let year = (old.total("2024-01-01", "2024-12-31"), new.total("2024-01-01", "2024-12-31"));
        assert_eq!(year.0.received.direct + year.1.received.direct, 3, "received once");
        assert_eq!(year.0.received.carried_over + year.1.received.carried_over, 0);
        assert_eq!(year.0.resolved.total + year.1.resolved.total, 3);
    }

    #[test]
    fn a_hand_over_can_be_broken_off_anywhere_and_be_repeated() {
        let (mut old, codes) = old();
        let mut new = Desk::new("11098", "Xã Kỳ Sơn");
        let day = at("00:00 01/12/2024");
        let blocked = old.data.path().join("no-such-folder").join("ban-giao");
        let failed = old.write(|store, pen| export(store, "11098", &blocked, day, pen));
        assert!(matches!(failed, Err(HandoverError::Write(..))), "{failed:?}");
        assert_eq!(old.store.dossier_find(&codes[1]).expect("there").state, "awaiting_supplement", "nothing was closed");
        let mine = old.data.path().join("của-tôi");
        fs::write(&mine, "không phải gói").expect("a file");
        let failed = old.write(|store, pen| export(store, "11098", &mine, day, pen));
        assert!(matches!(failed, Err(HandoverError::Occupied(_))), "{failed:?}");
        let file = old.data.path().join("ban-giao");
        let (first, lost) = old.write(|store, pen| export(store, "11098", &file, day, pen)).expect("written");
        // The words were lost: the same dossiers again, with new words.
        let (second, words) = old.write(|store, pen| export(store, "11098", &file, day, pen)).expect("written");
        assert_eq!((first.closed, second.closed, second.again), (2, 0, 2));
        assert!(matches!(new.write(|store, pen| import(store, &file, &lost, pen)), Err(HandoverError::Letter(_))));
        for expected in [(2, 0), (0, 2)] {
            let (taken, _) = new.write(|store, pen| import(store, &file, &words, pen)).expect("read");
            assert_eq!((taken.taken, taken.known), expected);
        }
        let (other, _) = old.write(|store, pen| export(store, "11122", &file, day, pen)).expect("written");
        assert_eq!((other.closed, other.again), (0, 0), "they are the first unit's");
        new.sound();
    }

    #[test]
    fn a_letter_is_read_by_the_unit_that_it_is_for_and_not_by_its_writer() {
        let (mut old, _) = old();
        let file = old.data.path().join("ban-giao");
        let day = at("00:00 01/12/2024");
        for bad in ["", "xã", "11098@hôm nay"] {
            let refused = old.write(|store, pen| export(store, bad, &file, day, pen));
            assert!(matches!(refused, Err(HandoverError::Unit(_))), "{bad}");
        }
        let (_, words) = old.write(|store, pen| export(store, "11089@2024-12-01", &file, day, pen)).expect("a re-used code");
        assert!(matches!(old.write(|store, pen| import(store, &file, &words, pen)), Err(HandoverError::Own)));
        let mut stranger = Desk::new("11122", "Xã Dân An");
        let refused = stranger.write(|store, pen| import(store, &file, &words, pen));
        assert!(matches!(refused, Err(HandoverError::OtherUnit { .. })), "{refused:?}");
        let mut new = Desk::new("11089", "Xã Mới");
        let (taken, _) = new.write(|store, pen| import(store, &file, &words, pen)).expect("read");
        assert_eq!(taken.taken, 2);
    }
}
