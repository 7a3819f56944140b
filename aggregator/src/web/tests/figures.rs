//! The figures' API against its description, and what may be filed and typed in by whom.

use serde_json::Value;

use super::*;

/// Two offices with dossiers, a filed report, and a token.
struct Desk {
    server: Server,
    bearer: String,
    /// Of an administrator.
    cookie: String,
}

impl Desk {
    fn new() -> Desk {
        let mut server = Server::new();
        let (mut one, mut two) = (server.district.agent(UNIT, 1), server.district.agent("11074", 2));
        for dossier in 1..=3 {
            one.record(dossier, received(dossier));
        }
        two.record(4, received(4));
        server.district.send(&one, 1, 3);
        server.district.send(&two, 1, 1);
        let filing = crate::filed::Filing {
            unit: None,
            period: motcua_shared::period::Period::year(2023),
            by: "hoa".to_owned(),
            at: now(),
        };
        crate::filed::file(&mut server.district.store, &filing).expect("filed");
        let token = auth::new_token();
        server.gives_token(&token);
        let cookie = server.session("quan.tri", Role::Admin, None);
        Desk { server, bearer: format!("Bearer {token}"), cookie }
    }

    async fn get(&self, path: &str) -> Response {
        self.server.get(path, &[(header::AUTHORIZATION, &self.bearer)]).await
    }

    /// The same by somebody who is logged in.
    async fn json_of_a_person(&self, path: &str) -> Value {
        let response = self.server.get(path, &[(header::COOKIE, &self.cookie)]).await;
        serde_json::from_slice(&bytes(response).await).expect("JSON")
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let body = bytes(response).await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }
}

/// Every key that a schema requires is there, all the way down.
fn holds(description: &Value, schema: &Value, answer: &Value, place: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => &description["components"]["schemas"][name.rsplit('/').next().expect("a name")],
        None => schema,
    };
    assert!(schema.is_object(), "{place}: described by nothing");
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().expect("a key");
        let value = answer.get(key).unwrap_or_else(|| panic!("{place}: no {key} in {answer}"));
        holds(description, &schema["properties"][key], value, &format!("{place}.{key}"));
    }
    if let (true, Some(described)) = (schema["required"].is_array(), answer.as_object()) {
        for key in described.keys() {
            assert!(
                schema["properties"].get(key).is_some() || schema["required"].as_array().is_some_and(Vec::is_empty),
                "{place}: {key} is not described"
            );
        }
    }
    for item in answer.as_array().into_iter().flatten().filter(|_| schema["items"].is_object()) {
        holds(description, &schema["items"], item, &format!("{place}[]"));
    }
    if schema["additionalProperties"].is_object() {
        for value in answer.as_object().expect("an object").values() {
            holds(description, &schema["additionalProperties"], value, &format!("{place}.*"));
        }
    }
}

#[tokio::test]
async fn every_described_address_answers_as_described_and_as_csv_where_it_says_so() {
    let desk = Desk::new();
    let description = desk.json("/api/openapi.json").await;
    for (path, described) in description["paths"].as_object().expect("paths") {
        let ok = &described["get"]["responses"]["200"]["content"];
        let named = path
            .replace("{code}", "000.11.57.H23-230131-0001")
            .replace("{id}", "1")
            .replace("{unit}", UNIT)
            .replace("{table}", "procedures");
        let takes = |name: &str| {
            described["get"]["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == name)
        };
        // What was seen is of today.
        let period = if takes("from") && !path.ends_with("/audit") { "from=2022-12-15&to=2023-12-14" } else { "" };
        let asked = format!("{named}?{period}");
        // What is told to nobody but people.
        let answer = if described["get"]["security"][0]["session"].is_array() {
            is_problem(&desk.get(&asked).await, 403);
            desk.json_of_a_person(&asked).await
        } else {
            desk.json(&asked).await
        };
        holds(&description, &ok["application/json"]["schema"], &answer, path);
        if ok["text/csv"].is_object() {
            let response = desk.get(&format!("{named}?{period}&format=csv")).await;
            assert_eq!(
                (response.status(), &response.headers()[header::CONTENT_TYPE]),
                (StatusCode::OK, &HeaderValue::from_static("text/csv; charset=utf-8")),
                "{path}"
            );
            let text = String::from_utf8(bytes(response).await).expect("text");
            assert!(text.starts_with('\u{feff}') && text.lines().count() > 1, "{path}: {text}");
        }
        if path != "/api/openapi.json" {
            is_problem(&desk.server.get(&format!("{named}?{period}"), &[]).await, 401);
        }
    }
}

#[tokio::test]
async fn the_ways_of_the_api_agree_with_each_other() {
    let desk = Desk::new();
    let period = "from=2022-12-15&to=2023-12-14";
    let report = desk.json(&format!("/api/v1/reports/ii06?{period}")).await;
    let rows = desk.json(&format!("/api/v1/reports/procedures?{period}")).await;
    let last = rows.as_array().and_then(|rows| rows.last()).expect("a row");
    for part in ["received", "resolved", "pending"] {
        assert_eq!(report["total"][part], last[part], "{part}");
    }
    let compared = desk.json(&format!("/api/v1/comparison?{period}&by=received&col=open")).await;
    assert_eq!(compared["total"]["values"]["received"]["numerator"], 4);
    assert_eq!(compared["lines"][0]["unit"], UNIT);
    let filed = desk.json("/api/v1/reports/filed/1").await;
    assert_eq!((&filed["report"]["total"], filed["differences"].as_array().map(Vec::len)), (&report["total"], Some(0)));
    for (path, status) in [
        ("/api/v1/comparison?by=nonsense", 400),
        ("/api/v1/reports/procedures?from=2023-01-01", 400),
        ("/api/v1/index766?from=2023-01-01&to=2023-02-01&unit=99999", 404),
        ("/api/v1/reports/filed/99", 404),
    ] {
        is_problem(&desk.get(path).await, status);
    }
}

pub async fn post(server: &Server, path: &str, cookie: &str, body: &str) -> Response {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body.to_owned()));
    server.ask(request.expect("a request"), None).await
}

#[tokio::test]
async fn officers_file_and_type_in_and_viewers_only_look() {
    let mut server = Server::new();
    let officer = server.session("hoa", Role::Officer, None);
    let viewer = server.session("lan", Role::Viewer, None);
    let filing = "from=15/12/2022&to=14/12/2023&unit=";
    assert_eq!(post(&server, "/reports/filed", &viewer, filing).await.status(), StatusCode::FORBIDDEN);
    let filed = post(&server, "/reports/filed", &officer, filing).await;
    assert_eq!(
        (filed.status(), &filed.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &HeaderValue::from_static("/reports/filed/1"))
    );
    assert_eq!(post(&server, "/reports/filed", &officer, filing).await.status(), StatusCode::CONFLICT, "once");
    assert_eq!(
        post(&server, "/reports/filed", &officer, "corrects=1").await.status(),
        StatusCode::CONFLICT,
        "nothing came since"
    );
    let shown = server.get("/reports/filed/1", &[(header::COOKIE, &viewer)]).await;
    let shown = String::from_utf8(bytes(shown).await).expect("text");
    assert!(shown.contains("người chốt hoa") && shown.contains("khớp với số liệu hiện nay"), "{shown}");

    let numbers = "from=15/12/2022&to=14/12/2023&unit=&n.1.1=3&d.1.1=4";
    assert_eq!(post(&server, "/index766", &viewer, numbers).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        post(&server, "/index766", &officer, &numbers.replace("d.1.1=4", "d.1.1=2")).await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(post(&server, "/index766", &officer, numbers).await.status(), StatusCode::SEE_OTHER);
    let shown = server.get("/index766?from=2022-12-15&to=2023-12-14", &[(header::COOKIE, &viewer)]).await;
    let shown = String::from_utf8(bytes(shown).await).expect("text");
    assert!(shown.contains("<strong>4,5</strong>") && !shown.contains("Lưu số liệu"), "{shown}");
}

#[tokio::test]
async fn columns_chosen_in_the_form_become_a_short_address() {
    let mut server = Server::new();
    let cookie = server.session("hoa", Role::Officer, None);
    let asked = "/compare?from=15%2F12%2F2022&to=14%2F12%2F2023&by=received&col=open&col=resolved";
    let response = server.get(asked, &[(header::COOKIE, &cookie)]).await;
    let address = response.headers()[header::LOCATION].to_str().expect("text").to_owned();
    assert_eq!(address, "/compare?from=15%2F12%2F2022&to=14%2F12%2F2023&by=received&col=open%2Cresolved");
    let page = String::from_utf8(bytes(server.get(&address, &[(header::COOKIE, &cookie)]).await).await).expect("text");
    assert!(page.contains("Năm 2023") && page.contains("value=\"open\" checked"), "{page}");
}

#[tokio::test]
async fn what_is_for_the_public_hides_small_numbers_and_nobody_computes_them_back() {
    let desk = Desk::new();
    let period = "from=2022-12-15&to=2023-12-14&publication=1";
    let report = desk.json(&format!("/api/v1/reports/ii06?{period}")).await;
    assert_eq!((report.get("besides"), &report["total"]["received"]["total"]), (None, &4.into()));
    let shown = desk.json("/api/v1/reports/ii06?from=2022-12-15&to=2023-12-14").await;
    assert_eq!(shown["total"]["received"]["total"], 4);
    // One office has one dossier, the other three: their sum would give the one away.
    for unit in ["", "&unit=11089", "&unit=11074"] {
        let report = desk.json(&format!("/api/v1/reports/ii06?{period}{unit}")).await;
        let cells = format!("{} {}", report["rows"], report["total"]);
        for small in [":1,", ":1}", ":2,", ":2}"] {
            assert!(!cells.contains(small), "{unit}: {cells}");
        }
        let is_hidden = report["total"]["received"]["total"].is_null();
        assert_eq!(is_hidden, !unit.is_empty(), "{unit}: {cells}");
    }
    let csv =
        async |path: &str| String::from_utf8(bytes(desk.get(&format!("{path}?{period}&format=csv")).await).await).expect("text");
    for path in ["/api/v1/reports/ii06", "/api/v1/reports/procedures", "/api/v1/comparison", "/api/v1/index766"] {
        let text = csv(path).await;
        assert!(text.contains("số nhỏ hơn 3"), "{path}: {text}");
        let counts = !path.ends_with("766"); // points of the index are no dossiers
        assert!(!counts || !text.contains(",1,") && !text.contains(",2,"), "{path}: {text}");
    }
    for path in ["/api/v1/reports/satisfaction", "/api/v1/summary", "/api/v1/units/11089/trend"] {
        is_problem(&desk.get(&format!("{path}?{period}")).await, 409);
    }
    is_problem(&desk.get(&format!("/api/v1/reports/procedures?{period}&unit=11089")).await, 409);
}
