//! The commands `user` and `token`: accounts of the district and tokens of programs, with or without a running `serve`.
//!
//! Promise: a password that is given is never printed, one that is made is printed once. Start at [`user`] and [`token`].

use std::io::Read as _;
use std::path::Path;

use clap::Subcommand;
use motcua_shared::access::node::Role;
use motcua_shared::calendar::local_day;
use serde_json::json;

use super::{CliError, now, open};
use crate::audit::By;
use crate::auth::{self, Account, NewToken, Secret};
use crate::output::{people_time, say, say_json};
use crate::store::people::{Token, User};
use crate::store::{People, Store};

fn role(text: &str) -> Result<Role, String> {
    Role::from_code(text).ok_or_else(|| format!("chọn trong: {}", Role::ALL.map(Role::code).join(", ")))
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Thêm tài khoản, hoặc đặt lại mật khẩu và vai trò
    Add {
        name: String,
        /// viewer (xem), officer (cán bộ), admin (quản trị) hoặc leader (lãnh đạo xã, chỉ thấy xã mình)
        #[arg(long, value_parser = role, value_name = "VAI TRÒ")]
        role: Role,
        /// Mã đơn vị của lãnh đạo xã
        #[arg(long, value_name = "MÃ")]
        unit: Option<String>,
        /// Đọc mật khẩu từ đầu vào chuẩn; nếu không, chương trình tự đặt và in ra một lần
        #[arg(long)]
        password_stdin: bool,
    },
    /// Danh sách tài khoản
    List {
        #[arg(long)]
        json: bool,
    },
    /// Ngừng một tài khoản; những gì người đó đã làm vẫn còn trong nhật ký truy cập
    Disable { name: String },
    /// Mở lại tài khoản đã ngừng
    Enable { name: String },
    /// Đặt lại mật khẩu; mọi phiên của người đó kết thúc
    Password {
        name: String,
        #[arg(long)]
        password_stdin: bool,
    },
    /// Đổi vai trò
    Role {
        name: String,
        #[arg(value_parser = role)]
        role: Role,
        /// Mã đơn vị của lãnh đạo xã
        #[arg(long, value_name = "MÃ")]
        unit: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Cấp mã truy cập; cấp lại cùng tên thì mã cũ hết hiệu lực
    Create {
        name: String,
        /// Được đọc gì, cách nhau bằng dấu phẩy: figures, dossiers, findings, offices, reference, audit [mặc định: tất cả trừ audit]
        #[arg(long, default_value = "", value_name = "PHẦN", hide_default_value = true)]
        scope: String,
        /// Dùng được trong bao nhiêu ngày; bỏ trống: đến khi thu hồi
        #[arg(long, value_name = "NGÀY", value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: Option<u16>,
        /// Chỉ đọc được của đơn vị này
        #[arg(long, value_name = "MÃ")]
        unit: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Danh sách mã truy cập
    List {
        #[arg(long)]
        json: bool,
    },
    /// Thu hồi mã truy cập; có hiệu lực ngay
    Revoke { name: String },
}

pub fn user(data: &Path, command: UserCommand) -> Result<(), CliError> {
    let mut store = open(data)?;
    let by = By::command_line(now());
    match command {
        UserCommand::Add { name, role, unit, password_stdin } => {
            let password = Password::get(password_stdin)?;
            let secret = Secret { kept: auth::new_account(&name, password.text())?, must_change: false };
            auth::user_add(&mut store, &Account { name: name.clone(), role, unit }, secret, true, &by)?;
            say(&format!("Đã lưu tài khoản {name} ({}).", role.words()));
            password.tell();
        }
        UserCommand::List { json } => users(&store, json)?,
        UserCommand::Disable { name } => {
            auth::user_disable(&mut store, &name, true, &by)?;
            say(&format!("Đã ngừng tài khoản {name}; mọi phiên đã kết thúc."));
        }
        UserCommand::Enable { name } => {
            auth::user_disable(&mut store, &name, false, &by)?;
            say(&format!("Đã mở lại tài khoản {name}."));
        }
        UserCommand::Password { name, password_stdin } => {
            let password = Password::get(password_stdin)?;
            let secret = Secret { kept: auth::kept_password(&name, password.text())?, must_change: false };
            auth::user_password(&mut store, &name, secret, &by)?;
            say(&format!("Đã đổi mật khẩu của {name}; mọi phiên đã kết thúc."));
            password.tell();
        }
        UserCommand::Role { name, role, unit } => {
            auth::user_role(&mut store, &Account { name: name.clone(), role, unit }, &by)?;
            say(&format!("Vai trò của {name} bây giờ: {}.", role.words()));
        }
    }
    Ok(())
}

fn users(store: &dyn Store, as_json: bool) -> Result<(), CliError> {
    let (users, organisation) = (store.users()?, store.organisation()?);
    let unit = |user: &User| user.unit.as_deref().map(|key| organisation.exact(key));
    if as_json {
        let shown = users.iter().map(|user| {
            json!({
                "name": user.name,
                "role": user.role.code(),
                "unit": unit(user),
                "disabled": user.disabled_at.is_some(),
                "created_at": user.created_at.to_rfc3339(),
            })
        });
        say_json(&shown.collect::<Vec<_>>());
        return Ok(());
    }
    for user in &users {
        let standing = if user.disabled_at.is_some() { "đã ngừng" } else { "đang dùng" };
        let of = unit(user).map_or_else(String::new, |unit| format!(" của {unit}"));
        say(&format!("{}  {}{of}  {standing}", user.name, user.role.words()));
    }
    Ok(())
}

/// A password that somebody typed, or one that was made.
enum Password {
    Typed(String),
    Made(String),
}

impl Password {
    fn get(from_stdin: bool) -> Result<Password, CliError> {
        if !from_stdin {
            return Ok(Password::Made(auth::new_password()));
        }
        let mut text = String::new();
        std::io::stdin().take(4_096).read_to_string(&mut text)?;
        Ok(Password::Typed(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn text(&self) -> &str {
        match self {
            Password::Typed(text) | Password::Made(text) => text,
        }
    }

    fn tell(&self) {
        if let Password::Made(text) = self {
            say(&format!("Mật khẩu: {text}\n(chỉ hiện một lần này, hãy ghi lại)"));
        }
    }
}

pub fn token(data: &Path, command: TokenCommand) -> Result<(), CliError> {
    let mut store = open(data)?;
    let by = By::command_line(now());
    match command {
        TokenCommand::Create { name, scope, days, unit, json } => {
            let (secret, token) = auth::token_create(&mut store, &NewToken { name, scope, unit, days }, &by)?;
            if json {
                let mut told = shown(&store, &token)?;
                told["token"] = secret.into();
                say_json(&told);
            } else {
                say(&format!("Mã truy cập “{}” (chỉ hiện một lần này):\n\n  {secret}", token.name));
            }
        }
        TokenCommand::List { json: true } => {
            let tokens = store.tokens()?;
            say_json(&tokens.iter().map(|token| shown(&store, token)).collect::<Result<Vec<_>, _>>()?);
        }
        TokenCommand::List { json: false } => {
            for token in store.tokens()? {
                say(&format!("{}  {}  {}", token.name, token.rights, standing(&token)));
            }
        }
        TokenCommand::Revoke { name } => {
            auth::token_revoke(&mut store, &name, &by)?;
            say(&format!("Đã thu hồi mã truy cập “{name}”."));
        }
    }
    Ok(())
}

fn standing(token: &Token) -> String {
    let day = |at: motcua_shared::calendar::LocalTime| local_day(at).format("%d/%m/%Y").to_string();
    match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("đã thu hồi {}", people_time(&at.to_rfc3339())),
        (None, Some(end)) if end <= now() => format!("hết hạn từ {}", day(end)),
        (None, Some(end)) => format!("đến {}", day(end)),
        (None, None) => "không hạn".to_owned(),
    }
}

fn shown(store: &dyn Store, token: &Token) -> Result<serde_json::Value, CliError> {
    let organisation = store.organisation()?;
    Ok(json!({
        "name": token.name,
        "scope": token.rights.to_string(),
        "unit": token.unit.as_deref().map(|key| organisation.exact(key)),
        "created_at": token.created_at.to_rfc3339(),
        "expires_at": token.expires_at.map(|at| at.to_rfc3339()),
        "revoked_at": token.revoked_at.map(|at| at.to_rfc3339()),
    }))
}
