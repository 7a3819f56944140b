//! Whether the server itself is well: room on its disk, and backups from which a new life could be made.
//!
//! Promise: uploads are refused in words while there is still room for everything else, so that the disk never gets full by
//! what offices send. Decisions only; [`crate::nightly`] acts. Start at [`Operation::gather`].

use std::path::Path;

use chrono::{Days, NaiveTime};
use motcua_shared::calendar::{self, LocalTime, local_day};
use motcua_shared::text::number;
use serde::Serialize;

use crate::output::people_time;
use crate::store::{BackupRun, Store, StoreError};

/// A backup that failed is tried again after this many hours.
const AGAIN_H: i64 = 1;
/// Without a good backup for this many hours, somebody has to look.
const OLD_H: i64 = 36;
/// The disk is called nearly full below so many times the reserve.
const NEARLY: u64 = 4;

/// Room on the disk of the database, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Absent: the system does not tell.
    pub free_bytes: Option<u64>,
    /// Below it, nothing is taken from offices.
    pub reserve_bytes: u64,
}

impl Room {
    /// Of the disk that `data` is on.
    pub fn of(data: &Path, reserve_bytes: u64) -> Room {
        Room { free_bytes: fs4::available_space(data).ok(), reserve_bytes }
    }

    /// Whether an office's upload may be taken.
    pub fn takes_uploads(self) -> bool {
        self.free_bytes.is_none_or(|free| free >= self.reserve_bytes)
    }

    fn is_nearly_full(self) -> bool {
        self.free_bytes.is_some_and(|free| free < NEARLY.saturating_mul(self.reserve_bytes))
    }

    /// For people: `1.234 MB`.
    pub fn words(self) -> String {
        self.free_bytes.map_or_else(|| "không rõ".to_owned(), megabytes)
    }
}

/// Whole megabytes, as people read them.
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", number(i64::try_from(bytes >> 20).unwrap_or(i64::MAX)))
}

/// How the server stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    pub disk: Room,
    pub takes_uploads: bool,
    /// The newest copy from which a new life was made for a try, and which was equal. Absent: none yet.
    pub last_good: Option<BackupRun>,
    /// What was tried last.
    pub last_run: Option<BackupRun>,
    /// What somebody has to do something about, the most urgent first; empty: nothing.
    pub troubles: Vec<String>,
}

impl Operation {
    pub fn gather(store: &dyn Store, data: &Path, reserve_bytes: u64, now: LocalTime) -> Result<Operation, StoreError> {
        Ok(Operation::of(Room::of(data, reserve_bytes), &store.backup_runs()?, now))
    }

    /// From the runs, newest first.
    fn of(disk: Room, runs: &[BackupRun], now: LocalTime) -> Operation {
        let last_good = runs.iter().find(|run| run.outcome == Outcome::Rehearsed).cloned();
        let last_run = runs.iter().find(|run| run.outcome != Outcome::Begun).cloned();
        let mut troubles = Vec::new();
        if !disk.takes_uploads() {
            troubles.push(format!(
                "Ổ đĩa của máy chủ chỉ còn {}: đang không nhận dữ liệu của các xã. Các xã giữ nguyên và tự gửi lại. Hãy dọn chỗ \
                 trống, ít nhất {}.",
                disk.words(),
                megabytes(disk.reserve_bytes)
            ));
        } else if disk.is_nearly_full() {
            troubles.push(format!(
                "Ổ đĩa của máy chủ sắp đầy, còn {}. Dưới {} máy chủ ngừng nhận dữ liệu của các xã. Hãy dọn chỗ trống.",
                disk.words(),
                megabytes(disk.reserve_bytes)
            ));
        }
        if let Some(failed) = last_run.as_ref().filter(|run| run.outcome == Outcome::Failed) {
            troubles.push(format!("Sao lưu lúc {} không thành: {}", people_time(&failed.at.to_rfc3339()), failed.words));
        }
        let since = last_good.as_ref().or_else(|| runs.iter().find(|run| run.outcome == Outcome::Begun)).map(|run| run.at);
        if let Some(since) = since.filter(|since| now - *since > chrono::Duration::hours(OLD_H)) {
            let since = people_time(&since.to_rfc3339());
            troubles.push(format!("Chưa có bản sao lưu dùng được nào sau {since}."));
        }
        Operation { disk, takes_uploads: disk.takes_uploads(), last_good, last_run, troubles }
    }

    /// The newest backup, for people.
    pub fn backup_words(&self) -> String {
        self.last_good.as_ref().map_or_else(
            || "chưa có bản nào".to_owned(),
            |run| {
                format!(
                    "{}, {} bản ghi, {}, đã dựng thử và khớp, tại {}",
                    people_time(&run.at.to_rfc3339()),
                    number(run.entries),
                    megabytes(run.bytes),
                    run.folder
                )
            },
        )
    }
}

/// What came of a night's backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nightly backups are made from this moment on; none was made yet.
    Begun,
    /// Copied, and a new life was made from the copy, recomputed and found equal.
    Rehearsed,
    Failed,
}

impl Outcome {
    pub fn code(self) -> &'static str {
        match self {
            Outcome::Begun => "begun",
            Outcome::Rehearsed => "rehearsed",
            Outcome::Failed => "failed",
        }
    }

    pub fn parse(code: &str) -> Option<Outcome> {
        [Outcome::Begun, Outcome::Rehearsed, Outcome::Failed].into_iter().find(|outcome| outcome.code() == code)
    }
}

/// Whether a backup is due: the moment of the day `daily` has passed since the newest run, or that run failed an hour ago.
/// A server that was off at that moment makes up for it when it runs again.
pub fn is_due(newest: &BackupRun, daily: NaiveTime, now: LocalTime) -> bool {
    if newest.outcome == Outcome::Failed && now - newest.at >= chrono::Duration::hours(AGAIN_H) {
        return true;
    }
    let today = local_day(now);
    let moments = [today, today - Days::new(1)].map(|day| calendar::at(day, daily));
    moments.into_iter().find(|moment| *moment <= now).is_some_and(|moment| newest.at < moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> LocalTime {
        LocalTime::parse_from_rfc3339(&format!("{text}:00+07:00")).expect("a time")
    }

    fn run(text: &str, outcome: Outcome) -> BackupRun {
        BackupRun { at: at(text), outcome, folder: "/b".to_owned(), entries: 5, bytes: 1 << 20, words: "hết chỗ".to_owned() }
    }

    #[test]
    fn a_backup_is_made_once_a_day_made_up_for_and_tried_again_when_it_failed() {
        let cases = [
            // newest run, its outcome, now, due
            ("2026-11-25T10:00", Outcome::Begun, "2026-11-25T23:59", false),
            ("2026-11-25T10:00", Outcome::Begun, "2026-11-26T02:30", true),
            ("2026-11-26T02:30", Outcome::Rehearsed, "2026-11-26T09:00", false),
            ("2026-11-26T02:30", Outcome::Rehearsed, "2026-11-27T02:29", false),
            ("2026-11-26T02:30", Outcome::Rehearsed, "2026-11-27T02:30", true),
            ("2026-11-20T02:30", Outcome::Rehearsed, "2026-11-27T01:00", true), // it was off for a week
            ("2026-11-26T02:30", Outcome::Failed, "2026-11-26T03:29", false),
            ("2026-11-26T02:30", Outcome::Failed, "2026-11-26T03:30", true),
            ("2026-11-28T02:30", Outcome::Rehearsed, "2026-11-27T09:00", false), // the clock was set back
        ];
        let daily = NaiveTime::from_hms_opt(2, 30, 0).expect("a time");
        for (newest, outcome, now, due) in cases {
            assert_eq!(is_due(&run(newest, outcome), daily, at(now)), due, "{newest} {outcome:?} {now}");
        }
    }

    #[test]
    fn what_somebody_has_to_do_is_said_and_nothing_else() {
        let mb = |free: u64| Room { free_bytes: Some(free << 20), reserve_bytes: 256 << 20 };
        let good = run("2026-11-26T02:30", Outcome::Rehearsed);
        let failed = run("2026-11-26T04:30", Outcome::Failed);
        let begun = run("2026-11-20T02:30", Outcome::Begun);
        let now = at("2026-11-26T09:00");
        let told = |room: Room, runs: &[BackupRun]| Operation::of(room, runs, now).troubles;
        assert_eq!(told(mb(5_000), std::slice::from_ref(&good)), Vec::<String>::new());
        assert_eq!(told(Room { free_bytes: None, reserve_bytes: 1 }, std::slice::from_ref(&good)), Vec::<String>::new());
        assert!(told(mb(1_000), std::slice::from_ref(&good))[0].contains("sắp đầy, còn 1.000 MB"));
        assert!(told(mb(255), std::slice::from_ref(&good))[0].contains("chỉ còn 255 MB: đang không nhận"));
        assert!(told(mb(5_000), &[failed.clone(), good])[0].contains("04:30 26/11/2026 không thành: hết chỗ"));
        assert_eq!(told(mb(5_000), &[failed, begun.clone()]).len(), 2);
        assert!(told(mb(5_000), &[begun])[0].contains("Chưa có bản sao lưu dùng được nào sau 02:30 20/11/2026"));
    }

    #[test]
    fn uploads_stop_below_the_reserve_and_go_on_where_nobody_knows() {
        for (free, taken) in [(Some(9), false), (Some(10), true), (Some(11), true), (None, true)] {
            assert_eq!(Room { free_bytes: free, reserve_bytes: 10 }.takes_uploads(), taken);
        }
    }
}
