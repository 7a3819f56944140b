//! The papers that a procedure asks for, as a list to tick in a form.
//!
//! Promise: what is ticked is what the catalogue asks for, in its words; other papers are typed below. Start at [`parts`].

use motcua_shared::paper::{Component, Ticked, kind_name};
use serde::Serialize;

/// One line of the list.
#[derive(Debug, Serialize)]
pub struct Part {
    /// What its tick sends.
    pub value: String,
    pub name: String,
    /// In what form and how many.
    pub about: String,
    pub ticked: bool,
}

/// The lines of a procedure's list.
pub fn parts(components: &[Component], ticked: &Ticked) -> Vec<Part> {
    let part = |component: &Component| Part {
        value: component.to_string(),
        name: component.name.clone(),
        about: format!("{}, {}", kind_name(component.kind), component.quantity),
        ticked: ticked.has(component),
    };
    components.iter().map(part).collect()
}
