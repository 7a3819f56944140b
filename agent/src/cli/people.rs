//! The commands `user` and `token`: accounts of this PC, with or without a running `serve`.
//!
//! Promise: a password that is given is never printed, one that is made is printed once. Start at [`user`] and [`token`].

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Subcommand, ValueEnum};
use motcua_shared::access::{self, AccessFault};
use serde_json::json;

use super::AUTHOR;
use crate::office::now;
use crate::store::{Act, Store};
use crate::{output, people, words};

#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    Clerk,
    Leader,
    Admin,
}

impl From<Role> for access::Role {
    fn from(role: Role) -> access::Role {
        match role {
            Role::Clerk => access::Role::Clerk,
            Role::Leader => access::Role::Leader,
            Role::Admin => access::Role::Admin,
        }
    }
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Thêm tài khoản; không có --password-stdin thì máy đặt mật khẩu và in ra một lần.
    Add {
        name: String,
        #[arg(long)]
        role: Role,
        /// Đọc mật khẩu từ đầu vào chuẩn.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Danh sách tài khoản.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Ngừng một tài khoản; những gì người đó đã ghi vẫn giữ nguyên dưới tên của họ.
    Disable { name: String },
    /// Mở lại tài khoản đã ngừng.
    Enable { name: String },
    /// Đặt lại mật khẩu; mọi phiên của người đó kết thúc.
    Password {
        name: String,
        #[arg(long)]
        password_stdin: bool,
    },
    /// Đổi vai trò.
    Role { name: String, role: Role },
}

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Tạo mã truy cập API cho một chương trình; tên đã có thì mã cũ hết hiệu lực.
    Create {
        name: String,
        #[arg(long, default_value = "clerk")]
        role: Role,
        #[arg(long)]
        json: bool,
    },
    /// Thu hồi mã truy cập.
    Revoke { name: String },
}

pub fn user(data: &Path, command: UserCommand) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let act = Act { author: AUTHOR, now: now() };
    match command {
        UserCommand::Add { name, role, password_stdin } => {
            access::name_check(&name)?;
            let password = password(password_stdin)?;
            let user = people::new_user(&name, role.into(), password.text(), false, now())?;
            people::user_add(&mut store, &user, false, act)?;
            output::line(&format!("Đã thêm tài khoản {name} ({}).", words::role_name(role.into())));
            password.tell();
        }
        UserCommand::List { json } => list(&store, json)?,
        UserCommand::Disable { name } => {
            people::done(store.user_disable(&name, true, act)?, &name)?;
            output::line(&format!("Đã ngừng tài khoản {name}; mọi phiên đã kết thúc, những gì đã ghi vẫn giữ nguyên."));
        }
        UserCommand::Enable { name } => {
            people::done(store.user_disable(&name, false, act)?, &name)?;
            output::line(&format!("Đã mở lại tài khoản {name}."));
        }
        UserCommand::Password { name, password_stdin } => {
            let password = password(password_stdin)?;
            let hash = people::new_password(&name, password.text())?;
            people::done(store.user_password(&name, &hash, false, act)?, &name)?;
            output::line(&format!("Đã đổi mật khẩu của {name}; mọi phiên đã kết thúc."));
            password.tell();
        }
        UserCommand::Role { name, role } => {
            people::done(store.user_role(&name, role.into(), act)?, &name)?;
            output::line(&format!("Vai trò của {name} bây giờ: {}.", words::role_name(role.into())));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let users = store.user_list()?;
    if json {
        let shown = |user: &crate::store::User| {
            json!({
                "name": user.name,
                "role": user.role.code(),
                "disabled": user.disabled_at.is_some(),
                "created_at": user.created_at,
            })
        };
        output::json(&users.iter().map(shown).collect::<Vec<_>>());
        return Ok(());
    }
    for user in users {
        let standing = if user.disabled_at.is_some() { "đã ngừng" } else { "đang dùng" };
        output::line(&format!("{}  {}  {standing}", user.name, words::role_name(user.role)));
    }
    Ok(())
}

/// A password that somebody typed, or one that was made.
enum Password {
    Typed(String),
    Made(String),
}

impl Password {
    fn text(&self) -> &str {
        match self {
            Password::Typed(text) | Password::Made(text) => text,
        }
    }

    fn tell(&self) {
        if let Password::Made(text) = self {
            output::line(&format!("Mật khẩu: {text}"));
            output::line("(chỉ in một lần này; hãy đưa cho người đó và nhắc đổi ở trang Mật khẩu)");
        }
    }
}

fn password(from_stdin: bool) -> anyhow::Result<Password> {
    if !from_stdin {
        return Ok(Password::Made(people::generated_password()));
    }
    let mut text = String::new();
    std::io::stdin().take(4_096).read_to_string(&mut text).context("không đọc được mật khẩu từ đầu vào chuẩn")?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    ensure!(!text.is_empty(), AccessFault::Short);
    Ok(Password::Typed(text))
}

pub fn token(data: &Path, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let mut store = Store::open(data)?;
    let act = Act { author: AUTHOR, now: now() };
    match command {
        TokenCommand::Create { name, role, json } => {
            let token = people::token_create(&mut store, &name, role.into(), act)?;
            if json {
                output::json(&json!({ "name": name, "role": access::Role::from(role).code(), "token": token }));
            } else {
                output::line(&format!("Mã truy cập “{name}” (chỉ in một lần này), gửi kèm dạng Authorization: Bearer …"));
                output::line(&format!("    {token}"));
            }
        }
        TokenCommand::Revoke { name } => {
            ensure!(store.token_end(&name, act)?, "không có mã truy cập “{name}”");
            output::line(&format!("Đã thu hồi mã truy cập “{name}”."));
        }
    }
    Ok(ExitCode::SUCCESS)
}
