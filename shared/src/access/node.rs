//! Who may do what at the district, and what a program's token may read.
//!
//! Promise: one table says which role holds which right; a token is a set of rights that only read. Whoever belongs to one
//! commune sees that commune and nothing else, whatever the right. Start at [`Right`] and [`Rights::of_role`].

use std::fmt;

/// What somebody is at the district.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks at everything, decides nothing.
    Viewer,
    /// Looks and decides: files reports, judges explanations, prepares and publishes reference data.
    Officer,
    /// Also looks after people, tokens, the communes' PCs and the audit log.
    Admin,
    /// Leads one commune: sees that commune only.
    Leader,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Officer, Role::Admin, Role::Leader];

    /// As it stands in the database and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Officer => "officer",
            Role::Admin => "admin",
            Role::Leader => "leader",
        }
    }

    pub fn from_code(code: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// In words for people.
    pub fn words(self) -> &'static str {
        match self {
            Role::Viewer => "người xem",
            Role::Officer => "cán bộ",
            Role::Admin => "quản trị",
            Role::Leader => "lãnh đạo xã",
        }
    }

    /// Whether somebody with this role belongs to one commune.
    pub fn is_of_a_unit(self) -> bool {
        self == Role::Leader
    }
}

/// Something that not everybody may do at the district.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Right {
    /// Read figures: dashboard, comparison, reports, indices.
    Figures,
    /// Read dossiers, which name no person here.
    Dossiers,
    /// Read what does not add up.
    Findings,
    /// Read how the offices' sync stands.
    Offices,
    /// Read reference data, published and drafted.
    Reference,
    /// Read who saw and did what.
    Audit,
    /// File reports, judge explanations, type in numbers of the index.
    Decide,
    /// Change the draft of the reference data, and publish it.
    Publish,
    /// Give enrolment codes and take certificates back.
    Enrol,
    /// Accounts and tokens.
    People,
}

/// Who holds which right: the only place where this is said.
const RIGHTS: [(Right, &str, &[Role]); 10] = {
    use Role::{Admin, Leader, Officer, Viewer};
    [
        (Right::Figures, "figures", &[Viewer, Officer, Admin, Leader]),
        (Right::Dossiers, "dossiers", &[Viewer, Officer, Admin, Leader]),
        (Right::Findings, "findings", &[Viewer, Officer, Admin, Leader]),
        (Right::Offices, "offices", &[Viewer, Officer, Admin, Leader]),
        (Right::Reference, "reference", &[Viewer, Officer, Admin]),
        (Right::Audit, "audit", &[Admin]),
        (Right::Decide, "decide", &[Officer, Admin]),
        (Right::Publish, "publish", &[Officer, Admin]),
        (Right::Enrol, "enrol", &[Admin]),
        (Right::People, "people", &[Admin]),
    ]
};

impl Right {
    /// What a token may be made for.
    pub const READING: [Right; 6] =
        [Right::Figures, Right::Dossiers, Right::Findings, Right::Offices, Right::Reference, Right::Audit];

    pub fn is_held_by(self, role: Role) -> bool {
        RIGHTS[self as usize].2.contains(&role)
    }

    /// As it stands in the scope of a token.
    pub fn code(self) -> &'static str {
        RIGHTS[self as usize].1
    }

    /// What it gives to see, in words for people; of those that a token may be made for.
    pub fn words(self) -> &'static str {
        match self {
            Right::Figures => "số liệu, báo cáo",
            Right::Dossiers => "hồ sơ (không có tên người)",
            Right::Findings => "kết quả kiểm tra",
            Right::Offices => "tình trạng gửi dữ liệu",
            Right::Reference => "danh mục",
            Right::Audit => "nhật ký truy cập",
            Right::Decide => "quyết định",
            Right::Publish => "công bố danh mục",
            Right::Enrol => "máy ở xã",
            Right::People => "tài khoản",
        }
    }

    /// The right with this number, as a type parameter carries it.
    pub const fn of(number: u8) -> Right {
        RIGHTS[number as usize].0
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights(u16);

impl Rights {
    pub fn of_role(role: Role) -> Rights {
        RIGHTS.into_iter().filter(|(right, ..)| right.is_held_by(role)).map(|(right, ..)| right).collect()
    }

    /// What a token reads that was made without a scope: everything but who saw what.
    pub fn of_a_program() -> Rights {
        Right::READING.into_iter().filter(|right| *right != Right::Audit).collect()
    }

    pub fn holds(self, right: Right) -> bool {
        self.0 & (1 << right as u16) != 0
    }

    /// Reads a token's scope, `figures,offices`; `Err`: the first word that names nothing to read.
    pub fn scope(text: &str) -> Result<Rights, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let right = |word: &str| Right::READING.into_iter().find(|right| right.code() == word).ok_or_else(|| word.to_owned());
        let rights = words.map(right).collect::<Result<Vec<Right>, String>>()?;
        if rights.is_empty() { Ok(Rights::of_a_program()) } else { Ok(rights.into_iter().collect()) }
    }

    /// Those of [`Right::READING`] in it, in order.
    pub fn reading(self) -> impl Iterator<Item = Right> {
        Right::READING.into_iter().filter(move |right| self.holds(*right))
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Rights {
        Rights(rights.into_iter().fold(0, |set, right| set | (1 << right as u16)))
    }
}

/// As [`Rights::scope`] reads it.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reading().map(Right::code).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_in_the_table_at_its_own_place() {
        for (number, (right, ..)) in RIGHTS.iter().enumerate() {
            assert_eq!((*right as usize, Right::of(u8::try_from(number).expect("few"))), (number, *right));
        }
        assert!(Role::ALL.into_iter().all(|role| Role::from_code(role.code()) == Some(role)));
        assert_eq!(Role::from_code("clerk"), None);
    }

    #[track_caller]
    fn holds(role: Role, expected: &str) {
        let rights = Rights::of_role(role);
        let held: Vec<&str> = RIGHTS.iter().filter(|(right, ..)| rights.holds(*right)).map(|(_, code, _)| *code).collect();
        assert_eq!(held.join(" "), expected, "{role:?}");
    }

    #[test]
    fn a_leader_reads_a_viewer_reads_more_an_officer_decides_and_an_admin_does_everything() {
        holds(Role::Leader, "figures dossiers findings offices");
        holds(Role::Viewer, "figures dossiers findings offices reference");
        holds(Role::Officer, "figures dossiers findings offices reference decide publish");
        holds(Role::Admin, "figures dossiers findings offices reference audit decide publish enrol people");
    }

    #[test]
    fn a_scope_reads_and_never_writes() {
        let scope = Rights::scope("figures, offices").expect("known");
        assert_eq!(scope.to_string(), "figures,offices");
        assert_eq!(Rights::scope(""), Ok(Rights::of_a_program()));
        assert!(!Rights::of_a_program().holds(Right::Audit));
        for wrong in ["people", "publish", "everything"] {
            assert_eq!(Rights::scope(&format!("figures,{wrong}")), Err(wrong.to_owned()));
        }
    }
}
