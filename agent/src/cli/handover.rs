//! The command `handover`: open dossiers go over to the office that takes this one's place.
//!
//! Promise: the words that open the file are printed once, after everything is durable. Start at [`run`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use chrono::{NaiveDate, NaiveTime};
use clap::Subcommand;
use motcua_shared::calendar::{self, local_day};
use serde_json::json;

use super::AUTHOR;
use crate::office::{self, chance, now};
use crate::store::{Pen, Store};
use crate::{handover, output};

#[derive(Subcommand)]
pub enum HandoverCommand {
    /// Bàn giao mọi hồ sơ còn mở (và kết quả chưa trả) cho đơn vị mới, ghi vào một tệp đã khóa.
    Export {
        /// Mã đơn vị nhận; mã từng thuộc đơn vị khác thì ghi MÃ@NGÀY-BẮT-ĐẦU, ví dụ 11098@2024-12-01.
        #[arg(long)]
        to: String,
        file: PathBuf,
        /// Ngày bàn giao, thường là ngày đầu của đơn vị mới [mặc định: hôm nay].
        #[arg(long, value_name = "NGÀY")]
        on: Option<NaiveDate>,
        #[arg(long)]
        json: bool,
    },
    /// Nhận hồ sơ từ tệp của đơn vị cũ; nhập lại lần nữa không thêm gì.
    Import {
        file: PathBuf,
        /// Mã mở gói đã in khi xuất.
        #[arg(long, value_name = "MÃ")]
        code: String,
        #[arg(long)]
        json: bool,
    },
}

pub fn run(data: &Path, command: HandoverCommand) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    let pen = Pen { author: AUTHOR, now: now(), key: &key, salt: chance };
    match command {
        HandoverCommand::Export { to, file, on, json } => {
            let today = local_day(pen.now);
            ensure!(on.is_none_or(|day| day <= today), "ngày bàn giao nằm trong tương lai; chưa bàn giao hồ sơ nào");
            let at = on.filter(|day| *day < today).map_or(pen.now, |day| calendar::at(day, NaiveTime::MIN));
            let (out, words) = handover::export(&mut store, &to, &file, at, &pen)?;
            if json {
                output::json(&json!({ "to": to, "closed": out.closed, "again": out.again, "code": words }));
                return Ok(ExitCode::SUCCESS);
            }
            output::line(&format!("Đã bàn giao {} hồ sơ cho đơn vị {to}; ở đây các hồ sơ này đã đóng.", out.closed));
            if out.again > 0 {
                output::line(&format!("Trong tệp còn có {} hồ sơ đã bàn giao trước đó.", out.again));
            }
            output::line(&format!("Hãy mang tệp {} sang máy của đơn vị nhận. MÃ MỞ GÓI (chỉ in một lần):", file.display()));
            output::line(&format!("    {words}"));
            output::line("Mất mã hoặc mất tệp thì xuất lại; hồ sơ không mất.");
        }
        HandoverCommand::Import { file, code, json } => {
            let (taken, from) = handover::import(&mut store, &file, &code, &pen)?;
            if json {
                output::json(&json!({ "from": from, "taken": taken.taken, "known": taken.known }));
                return Ok(ExitCode::SUCCESS);
            }
            output::line(&format!("Đã nhận {} hồ sơ từ {from}.", taken.taken));
            if taken.known > 0 {
                output::line(&format!("{} hồ sơ khác trong tệp đã nhận từ trước.", taken.known));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
