//! Every address of the program and every role: who may, who may not, and what a stranger is told.

use motcua_shared::access::Right;

use super::*;

/// Addresses that not every role may ask for; all others are everybody's who is logged in, or stand in [`guard::OPEN`].
const RESTRICTED: [(&str, &str, Right); 12] = [
    ("POST", "/reports/ii06", Right::Answer),
    ("POST", "/findings/{id}/explain", Right::Answer),
    ("GET", "/workload", Right::Workload),
    ("GET", "/people", Right::People),
    ("POST", "/people", Right::People),
    ("POST", "/people/{name}/role", Right::People),
    ("POST", "/people/{name}/disable", Right::People),
    ("POST", "/people/{name}/enable", Right::People),
    ("POST", "/people/{name}/password", Right::People),
    ("GET", "/enrol", Right::Setup),
    ("POST", "/enrol", Right::Setup),
    ("POST", "/enrol/request", Right::Setup),
];

/// Method and address of everything that the program answers, as its source says.
fn addresses() -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for source in [include_str!("../../web.rs"), include_str!("../api.rs")] {
        for route in source.split(".route(\"").skip(1) {
            let (path, handlers) = route.split_once('"').expect("an address");
            let handlers = handlers.split('\n').next().unwrap_or_default();
            for (method, word) in [("GET", "get("), ("POST", "post(")] {
                if handlers.contains(word) {
                    found.push((method, path.to_owned()));
                }
            }
        }
    }
    found
}

fn filled(path: &str, code: &str) -> String {
    [
        ("{code}", code),
        ("{form}", "receipt"),
        ("{format}", "pdf"),
        ("{hash}", "00"),
        ("{id}", "0193a6f0-0000-7000-8000-000000000001"),
        ("{kind}", "rated"),
        ("{n}", "1"),
        ("{name}", "khong.co"),
        ("{year}", "2023"),
        ("{*rest}", "x"),
    ]
    .iter()
    .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[tokio::test]
async fn each_role_is_let_in_where_it_belongs_and_refused_elsewhere_with_the_reason() {
    let mut desk = Desk::new();
    let code = desk.received().await.rsplit('/').next().expect("a code").to_owned();
    let addresses = addresses();
    assert!(addresses.len() > 60, "{}", addresses.len());
    for (method, path, _) in &RESTRICTED {
        assert!(addresses.iter().any(|(known, address)| known == method && address == path), "{method} {path} is no address");
    }
    for (at, role) in [Role::Clerk, Role::Leader, Role::Admin].into_iter().enumerate() {
        desk = desk.log_in(&format!("nguoi.{at}"), role);
        // The set-up is over for everybody; who logs out is nobody any more.
        for (method, path) in addresses.iter().filter(|(_, path)| path != "/logout" && !path.starts_with("/setup/")) {
            let asked = filled(path, &code);
            let answer = if *method == "GET" { desk.get(&asked).await } else { desk.post(&asked, &[]).await };
            let restricted = RESTRICTED.iter().find(|(known, address, _)| known == method && address == path);
            let allowed = restricted.is_none_or(|(.., right)| right.is_held_by(role));
            assert_eq!(answer.status != 403, allowed, "{method} {asked} as {}: {}", role.code(), answer.status);
            assert!(answer.status < 500 || answer.status == 503, "{method} {asked} as {}: {}", role.code(), answer.text);
            if !allowed {
                for part in ["không thuộc quyền", words::role_name(role), "Dành cho:"] {
                    assert!(answer.text.contains(part), "{method} {asked}: {part}");
                }
            }
        }
    }
}

#[tokio::test]
async fn whoever_is_not_logged_in_sees_nothing_but_what_is_open() {
    let desk = Desk::new();
    let code = desk.received().await.rsplit('/').next().expect("a code").to_owned();
    let entries = desk.entries().await;
    let desk = desk.nobody();
    for (method, path) in addresses() {
        let is_part = [".css", ".js", ".crt"].iter().any(|end| path.ends_with(end));
        let is_open = guard::OPEN.iter().any(|open| path == *open || path.starts_with(&format!("{open}/")));
        if is_part || is_open {
            continue;
        }
        let asked = filled(&path, &code);
        let answer = if method == "GET" { desk.get(&asked).await } else { desk.post(&asked, &[("name", "Kẻ lạ")]).await };
        let expected: &[u16] =
            if asked.starts_with("/api/") || asked == "/sync/line" || asked == "/metrics" { &[401] } else { &[303, 401] };
        assert!(expected.contains(&answer.status), "{method} {asked}: {}", answer.status);
        assert!(!answer.text.contains("Nguyễn Thị Thử"), "{method} {asked}");
    }
    assert_eq!(desk.entries().await, entries, "nothing was recorded");
}
