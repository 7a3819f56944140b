//! Forms of a page say whom they were rendered for, so that nothing is saved under another name.
//!
//! Promise: a form loses nothing but its mark, to the byte. Start at [`marked`] and [`rendered_for`].

/// The field that says whom a form was rendered for.
pub const RENDERED_FOR: &str = "viewer";

/// The page with a mark in every form that changes something. A name of a viewer needs no escaping: letters, digits and
/// `.-_:`.
pub fn marked(page: &str, name: &str) -> String {
    let mut out = String::with_capacity(page.len() + 256);
    let mut rest = page;
    while let Some(at) = rest.find("<form").and_then(|at| rest[at..].find('>').map(|end| at + end + 1)) {
        let (form, after) = rest.split_at(at);
        out.push_str(form);
        let tag = &form[form.rfind("<form").unwrap_or(0)..];
        if tag.contains("method=\"post\"") {
            out.push_str("<input type=\"hidden\" name=\"");
            out.push_str(RENDERED_FOR);
            out.push_str("\" value=\"");
            out.push_str(name);
            out.push_str("\">");
        }
        rest = after;
    }
    out + rest
}

/// Whom a form was rendered for; forms of programs do not say.
pub fn rendered_for(form: &str) -> Option<String> {
    form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == RENDERED_FOR).map(|(_, value)| value.into_owned())
}

/// The form as its handler knows it, otherwise to the byte.
pub fn without_mark(form: &str) -> String {
    let is_mark = |pair: &str| pair.split('=').next() == Some(RENDERED_FOR);
    form.split('&').filter(|pair| !is_mark(pair)).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_changes_something_says_whom_it_was_rendered_for() {
        let page = "<form action=\"/a\" method=\"get\"><p>x</p></form><form class=\"c\" method=\"post\" action=\"/b\">y</form>z";
        let mark = "<input type=\"hidden\" name=\"viewer\" value=\"lan\">";
        let expected = page.replace(">y<", &format!(">{mark}y<"));
        assert_eq!(marked(page, "lan"), expected);
        assert_eq!(marked("no form", "lan"), "no form");
        assert_eq!(rendered_for("a=1&viewer=lan&b=2").as_deref(), Some("lan"));
        assert_eq!(without_mark("a=1&viewer=lan&b=%20&viewers=3&c"), "a=1&b=%20&viewers=3&c");
        assert_eq!(rendered_for("a=viewer"), None);
    }
}
