//! Who may open and do what: every address against every role, and what a commune's leader is shown.

use motcua_shared::reference::Snapshot;

use super::*;

const ROLES: [Role; 4] = [Role::Viewer, Role::Officer, Role::Admin, Role::Leader];

/// A district with its units, two offices that sent, and a cookie for each role in the order of [`ROLES`]; the leader's is
/// of Ngọc Kỳ.
fn district() -> (Server, Vec<String>) {
    let mut server = Server::new();
    server.district.store.units_replace(&Snapshot::starter().units).expect("units");
    let (mut own, mut other) = (server.district.agent(UNIT, 1), server.district.agent("11074", 2));
    own.record(1, received(1));
    other.record(2, received(2));
    for (agent, unit) in [(&own, "11089"), (&other, "11074")] {
        server.district.send(agent, 1, 1);
        let filing = crate::filed::Filing {
            unit: Some(unit.to_owned()),
            period: motcua_shared::period::Period::year(2023),
            by: "hoa".to_owned(),
            at: now(),
        };
        crate::filed::file(&mut server.district.store, &filing).expect("filed");
    }
    let cookies =
        ROLES.into_iter().map(|role| server.session(role.code(), role, role.is_of_a_unit().then_some("11089"))).collect();
    (server, cookies)
}

async fn status(server: &Server, path: &str, cookie: &str) -> u16 {
    server.get(path, &[(header::COOKIE, cookie)]).await.status().as_u16()
}

async fn text(server: &Server, path: &str, cookie: &str) -> String {
    let response = server.get(path, &[(header::COOKIE, cookie)]).await;
    let status = response.status();
    let body = String::from_utf8(bytes(response).await).expect("text");
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

#[tokio::test]
async fn every_address_answers_the_roles_that_it_is_for_and_no_other() {
    let (server, cookies) = district();
    let dates = "from=2022-12-15&to=2023-12-14";
    // In the order of ROLES: viewer, officer, admin, leader of 11089.
    let table: [(&str, [u16; 4]); 50] = [
        ("/", [200, 200, 200, 303]),
        ("/compare", [200, 200, 200, 403]),
        ("/compare.csv", [200, 200, 200, 403]),
        ("/units/11089", [200, 200, 200, 200]),
        ("/units/11074", [200, 200, 200, 403]),
        ("/reports/ii06", [200, 200, 200, 200]),
        ("/reports/ii06?unit=11074", [200, 200, 200, 403]),
        ("/reports/ii06.csv?unit=11089", [200, 200, 200, 200]),
        ("/reports/ii06.csv?unit=11074", [200, 200, 200, 403]),
        ("/reports/procedures?unit=11074", [200, 200, 200, 403]),
        ("/reports/procedures.csv?unit=11074", [200, 200, 200, 403]),
        ("/reports/filed", [200, 200, 200, 200]),
        ("/reports/filed/1", [200, 200, 200, 200]),
        ("/reports/filed/2", [200, 200, 200, 404]),
        ("/index766?unit=11074", [200, 200, 200, 403]),
        ("/index766", [200, 200, 200, 200]),
        ("/offices", [200, 200, 200, 200]),
        ("/offices?unit=11074", [200, 200, 200, 403]),
        ("/findings", [200, 200, 200, 200]),
        ("/findings?unit=11074", [200, 200, 200, 403]),
        ("/findings/11074/letter", [200, 200, 200, 403]),
        ("/findings/11074/0000", [404, 404, 404, 403]),
        ("/reference", [200, 200, 200, 403]),
        ("/reference/versions/0", [200, 200, 200, 403]),
        ("/reference/tables/holidays", [200, 200, 200, 403]),
        ("/reference/table.csv?table=targets", [200, 200, 200, 403]),
        ("/api/v1/reference", [200, 200, 200, 403]),
        ("/api/v1/reference/procedures", [200, 200, 200, 403]),
        ("/people", [403, 403, 200, 403]),
        ("/tokens", [403, 403, 200, 403]),
        ("/machines", [403, 403, 200, 403]),
        ("/audit", [403, 403, 200, 403]),
        ("/audit.csv", [403, 403, 200, 403]),
        ("/password", [200, 200, 200, 200]),
        ("/api/v1/status", [200, 200, 200, 403]),
        ("/api/v1/indicators", [200, 200, 200, 200]),
        ("/api/v1/findings?unit=11074", [200, 200, 200, 403]),
        ("/api/v1/offices", [200, 200, 200, 200]),
        ("/api/v1/offices/nights", [200, 200, 200, 200]),
        ("/api/v1/machines", [200, 200, 200, 200]),
        ("/api/v1/enrolment-codes", [403, 403, 200, 403]),
        ("/api/v1/people", [403, 403, 200, 403]),
        ("/api/v1/tokens", [403, 403, 200, 403]),
        ("/api/v1/audit", [403, 403, 200, 403]),
        ("/api/v1/reports/filed/2", [200, 200, 200, 404]),
        ("/api/v1/units/11074/trend?D", [200, 200, 200, 403]),
        ("/api/v1/summary?D", [200, 200, 200, 403]),
        ("/api/v1/comparison?D", [200, 200, 200, 403]),
        ("/api/v1/reports/ii06?unit=11074&D", [200, 200, 200, 403]),
        ("/api/v1/index766?unit=11074&D", [200, 200, 200, 403]),
    ];
    for (path, expected) in table {
        let path = path.replace('D', dates);
        let mut answers = [0; 4];
        for (cookie, answer) in cookies.iter().zip(&mut answers) {
            *answer = status(&server, &path, cookie).await;
        }
        assert_eq!(answers, expected, "{path}");
        let stranger = server.get(&path, &[]).await.status().as_u16();
        assert_eq!(stranger, if path.starts_with("/api/") { 401 } else { 303 }, "{path} for nobody");
    }
}

#[tokio::test]
async fn every_form_is_for_the_roles_that_it_is_for_and_no_other() {
    let (server, cookies) = district();
    let stream = Uuid::from_u128(77);
    let posts: [(&str, &str, [u16; 4]); 15] = [
        ("/reports/filed", "from=15/12/2021&to=14/12/2022&unit=11089", [403, 303, 409, 403]),
        ("/index766", "from=15/12/2022&to=14/12/2023&unit=11089", [403, 303, 303, 403]),
        ("/findings/11089/0000", "decision=accepted", [403, 404, 404, 403]),
        ("/reference/publish", "seen=x", [403, 409, 409, 403]),
        ("/reference/tables/holidays/add", "date=x&name=&kind=le", [403, 422, 422, 403]),
        ("/reference/tables/holidays/remove", "date=2020-01-01&unit=", [403, 303, 303, 403]),
        ("/people", "name=&role=viewer", [403, 403, 422, 403]),
        ("/people/nobody/role", "role=viewer", [403, 403, 422, 403]),
        ("/people/nobody/disable", "", [403, 403, 422, 403]),
        ("/people/nobody/enable", "", [403, 403, 422, 403]),
        ("/people/nobody/password", "", [403, 403, 422, 403]),
        ("/tokens", "name=x", [403, 403, 422, 403]),
        ("/tokens/nothing/revoke", "", [403, 403, 409, 403]),
        ("/machines/code", "unit=&days=1", [403, 403, 422, 403]),
        ("/machines/STREAM/revoke", "reason=x&sure=1", [403, 403, 404, 403]),
    ];
    for (path, form, expected) in posts {
        let path = path.replace("STREAM", &stream.to_string());
        let mut answers = [0; 4];
        for (cookie, answer) in cookies.iter().zip(&mut answers) {
            *answer = figures::post(&server, &path, cookie, form).await.status().as_u16();
        }
        assert_eq!(answers, expected, "{path}");
        assert_eq!(figures::post(&server, &path, "", form).await.status().as_u16(), 401, "{path} for nobody");
    }
}

#[tokio::test]
async fn a_leader_is_shown_the_own_commune_and_no_word_of_another() {
    let (server, cookies) = district();
    let leader = cookies[3].as_str();
    let first = server.get("/", &[(header::COOKIE, leader)]).await;
    assert_eq!(first.headers()[header::LOCATION], "/units/11089");
    for path in ["/units/11089", "/reports/ii06", "/reports/procedures", "/reports/filed", "/offices", "/findings", "/index766"] {
        let page = text(&server, path, leader).await;
        for other in ["11074", "Thị trấn Tứ Kỳ", "/compare", "/people"] {
            assert!(!page.contains(other), "{path} says {other}");
        }
    }
    assert!(text(&server, "/units/11089", leader).await.contains("Xã của tôi"));
    for path in ["/api/v1/offices", "/api/v1/offices/nights", "/api/v1/machines", "/api/v1/reports/filed"] {
        let answer: serde_json::Value = serde_json::from_str(&text(&server, path, leader).await).expect("JSON");
        let units: Vec<&str> = answer.as_array().expect("a list").iter().filter_map(|row| row["unit"].as_str()).collect();
        assert_eq!(units, ["11089"], "{path}");
    }
    assert_eq!(status(&server, "/api/v1/dossiers/000.11.57.H23-230131-0001", leader).await, 200);
    assert_eq!(status(&server, "/api/v1/dossiers/000.11.57.H23-230131-0002", leader).await, 404, "of another commune");
    assert_eq!(status(&server, "/api/v1/dossiers/000.11.57.H23-230131-0002", &cookies[0]).await, 200);
}

#[tokio::test]
async fn a_token_reads_what_its_scope_says_of_the_unit_that_it_says() {
    let (mut server, _) = district();
    let by = crate::audit::By::command_line(now());
    let mut make = |name: &str, scope: &str, unit: Option<&str>, days: Option<u16>| {
        let asked = NewToken { name: name.to_owned(), scope: scope.to_owned(), unit: unit.map(str::to_owned), days };
        let (secret, _) = auth::token_create(&mut server.district.store, &asked, &by).expect("made");
        format!("Bearer {secret}")
    };
    let figures = make("figures", "figures", None, Some(1));
    let own = make("own", "figures,offices", Some("11089"), None);
    let revoked = make("revoked", "", None, None);
    auth::token_revoke(&mut server.district.store, "revoked", &by).expect("taken back");
    let asked = async |path: &str, bearer: &str| server.get(path, &[(header::AUTHORIZATION, bearer)]).await.status().as_u16();
    let report = "/api/v1/reports/ii06?from=2022-12-15&to=2023-12-14&unit=";
    for (path, bearer, expected) in [
        (format!("{report}11074"), &figures, 200),
        ("/api/v1/status".to_owned(), &figures, 403),
        ("/api/v1/audit".to_owned(), &figures, 403),
        (format!("{report}11089"), &own, 200),
        (format!("{report}11074"), &own, 403),
        ("/api/v1/offices".to_owned(), &own, 200),
        ("/api/v1/indicators".to_owned(), &revoked, 401),
        ("/people".to_owned(), &own, 401),
    ] {
        assert_eq!(asked(&path, bearer).await, expected, "{path}");
    }
}

#[tokio::test]
async fn what_somebody_sees_is_asked_for_in_vain_and_does_stands_in_the_audit_log() {
    let (server, cookies) = district();
    let (viewer, admin) = (cookies[0].as_str(), cookies[2].as_str());
    text(&server, "/units/11074", viewer).await;
    text(&server, "/units/11074", viewer).await;
    status(&server, "/people", viewer).await;
    let added = figures::post(&server, "/people", admin, "name=mai.nt&role=officer").await;
    assert_eq!(added.status(), StatusCode::OK);
    let lines: serde_json::Value =
        serde_json::from_str(&text(&server, "/api/v1/audit?from=2020-01-01", admin).await).expect("JSON");
    let told: Vec<(&str, &str, &str, &str)> = lines
        .as_array()
        .expect("a list")
        .iter()
        .filter(|line| line["who"] != "command-line")
        .map(|line| {
            let word = |key: &str| line[key].as_str().expect("text");
            (word("who"), word("act"), word("subject"), word("unit"))
        })
        .collect();
    assert!(told.contains(&("viewer", "view", "Thị trấn Tứ Kỳ", "11074")), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.1 == "view" && line.0 == "viewer").count(), 1, "the same page is one view");
    assert!(told.contains(&("viewer", "refused", "Không đủ quyền", "")), "{told:?}");
    assert!(told.contains(&("admin", "account-added", "mai.nt", "")), "{told:?}");
    let page = text(&server, "/audit?who=viewer&act=view", admin).await;
    assert!(page.contains("Thị trấn Tứ Kỳ") && !page.contains("mai.nt"), "{page}");
    assert!(text(&server, "/audit.csv?who=admin", admin).await.contains("account-added"));
}

#[tokio::test]
async fn a_new_account_chooses_its_own_password_before_anything_else() {
    let (server, cookies) = district();
    let added = figures::post(&server, "/people", &cookies[2], "name=mai.nt&role=leader&unit=11074").await;
    let page = String::from_utf8(bytes(added).await).expect("text");
    let made = page.split("<b class=\"code\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a password");
    let form = format!("name=mai.nt&password={made}&next=%2Foffices");
    let entered = figures::post(&server, "/login", "", &form).await;
    assert_eq!(entered.headers()[header::LOCATION], "/offices");
    let cookie = entered.headers()[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a value").to_owned();
    let first = server.get("/offices", &[(header::COOKIE, &cookie)]).await;
    assert_eq!(first.headers()[header::LOCATION], "/password");
    assert_eq!(status(&server, "/api/v1/offices", &cookie).await, 401);
    let form = |now: &str, one: &str, two: &str| format!("password_now={now}&password={one}&password_again={two}");
    for wrong in [form("sai", "mot-cau-dai", "mot-cau-dai"), form(made, "ngan", "ngan"), form(made, "mot-cau-dai", "hai-cau-dai")]
    {
        assert_eq!(figures::post(&server, "/password", &cookie, &wrong).await.status(), 422, "{wrong}");
    }
    let changed = figures::post(&server, "/password", &cookie, &form(made, "mot-cau-dai", "mot-cau-dai")).await;
    let fresh = changed.headers()[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a value").to_owned();
    assert_eq!(status(&server, "/offices", &cookie).await, 303, "the other session is over");
    assert_eq!(status(&server, "/offices", &fresh).await, 200);
    assert_eq!(status(&server, "/units/11089", &fresh).await, 403);
}

#[tokio::test]
async fn a_form_of_another_person_is_not_saved_under_this_ones_name() {
    let (server, cookies) = district();
    let form = "viewer=lan&from=15/12/2021&to=14/12/2022&unit=11089";
    let answer = figures::post(&server, "/reports/filed", &cookies[1], form).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let words = String::from_utf8(bytes(answer).await).expect("text");
    assert!(words.contains("lan") && words.contains("Chưa lưu"), "{words}");
    let own = form.replace("lan", "officer");
    assert_eq!(figures::post(&server, "/reports/filed", &cookies[1], &own).await.status(), StatusCode::SEE_OTHER);
    let page = text(&server, "/reports/ii06?from=15/12/2022&to=14/12/2023", &cookies[1]).await;
    assert!(page.contains("name=\"viewer\" value=\"officer\""), "{page}");
}

#[tokio::test]
async fn a_code_is_given_once_and_a_pc_is_taken_back_after_two_questions() {
    let (mut server, cookies) = district();
    let (agent, peer) = server.enrolled("11089", 5);
    let admin = cookies[2].as_str();
    let given = figures::post(&server, "/machines/code", admin, "unit=11089&days=14").await;
    let page = String::from_utf8(bytes(given).await).expect("text");
    assert!(page.contains("dùng một lần") && page.contains("chưa dùng, đến"), "{page}");
    let code = page.split("<b class=\"wrap\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a code").to_owned();
    let page = text(&server, "/machines", admin).await;
    assert!(!page.contains(&code), "once");
    let handle = page.split("/machines/code/").nth(1).and_then(|rest| rest.split('/').next()).expect("a code").to_owned();
    let cancel = format!("/machines/code/{handle}/cancel");
    assert_eq!(figures::post(&server, &cancel, admin, "").await.status(), StatusCode::OK);
    assert_eq!(figures::post(&server, &cancel, admin, "").await.status(), StatusCode::CONFLICT);

    let revoke = format!("/machines/{}/revoke", agent.stream);
    assert_eq!(figures::post(&server, &revoke, admin, "reason=").await.status(), 422);
    let asked = String::from_utf8(bytes(figures::post(&server, &revoke, admin, "reason=m%E1%BA%A5t+m%C3%A1y").await).await)
        .expect("text");
    assert!(asked.contains("Chắc chắn thu hồi?") && asked.contains("mất máy"), "{asked}");
    let hello = || encode(&Hello { stream: agent.stream, report: agent.report() });
    assert_eq!(server.cbor(Method::POST, "/sync/v1/hello", hello(), Some(peer.clone())).await.status(), StatusCode::OK);
    let done = figures::post(&server, &revoke, admin, "reason=m%E1%BA%A5t+m%C3%A1y&sure=1").await;
    assert_eq!(done.status(), StatusCode::OK);
    is_problem(&server.cbor(Method::POST, "/sync/v1/hello", hello(), Some(peer)).await, 403);
    assert!(text(&server, "/machines?unit=11089", admin).await.contains("(admin): mất máy"));
}

/// Sends a file as a browser does.
async fn upload(server: &Server, cookie: &str, fields: &[(&str, &str)], file: &str) -> Response {
    let part =
        |disposition: &str, value: &str| format!("--xyz\r\ncontent-disposition: form-data; {disposition}\r\n\r\n{value}\r\n");
    let typed = fields.iter().map(|(name, value)| part(&format!("name=\"{name}\""), value));
    let parts = typed.chain([part("name=\"file\"; filename=\"a.csv\"", file), "--xyz--\r\n".to_owned()]);
    let body: String = parts.collect();
    let request = Request::post("/reference/import")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=xyz")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body));
    server.ask(request.expect("a request"), None).await
}

#[tokio::test]
async fn a_file_becomes_a_draft_that_a_second_person_publishes() {
    let (server, cookies) = district();
    let (officer, admin) = (cookies[1].as_str(), cookies[2].as_str());
    let seen = async |cookie: &str| {
        let page = text(&server, "/reference", cookie).await;
        page.split("name=\"seen\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a print").to_owned()
    };
    let bad = "date,name,kind\n2027-03-17,x,le\n2027-02-30,x,le\n";
    let refused = upload(&server, officer, &[("kind", "holidays")], bad).await;
    assert_eq!(refused.status(), 422);
    assert!(String::from_utf8(bytes(refused).await).expect("text").contains("dòng 3"));
    let other = [("viewer", "lan"), ("kind", "holidays")];
    assert_eq!(upload(&server, officer, &other, bad).await.status(), 409, "rendered for somebody else");
    let good = "date,name,kind\n2027-03-17,Nghỉ thử,le\n";
    let taken = upload(&server, officer, &[("kind", "holidays"), ("decision", "9/TB-UBND")], good).await;
    let page = String::from_utf8(bytes(taken).await).expect("text");
    assert!(page.contains("Đã đưa 1 thay đổi") && page.contains("17/03/2027") && page.contains("9/TB-UBND"), "{page}");
    let alone = figures::post(&server, "/reference/publish", officer, &format!("seen={}", seen(officer).await)).await;
    assert_eq!(alone.status(), 409, "nobody else has looked");
    let first = seen(admin).await;
    let line = "date=18/03/2027&name=Th%C3%AAm&kind=le&unit=&decision=";
    assert_eq!(figures::post(&server, "/reference/tables/holidays/add", officer, line).await.status(), 303);
    assert_eq!(figures::post(&server, "/reference/publish", admin, &format!("seen={first}")).await.status(), 409, "it changed");
    let published = figures::post(&server, "/reference/publish", admin, &format!("seen={}", seen(admin).await)).await;
    let page = String::from_utf8(bytes(published).await).expect("text");
    assert!(page.contains("Đã công bố phiên bản 1") && page.contains("người khác soạn, đã xem lại"), "{page}");
    assert!(text(&server, "/reference/versions/1", officer).await.contains("18/03/2027"));
    let csv = text(&server, "/reference/table.csv?table=holidays", officer).await;
    assert!(csv.contains("2027-03-17,Nghỉ thử,le,,9/TB-UBND"), "{csv}");
    let removed = figures::post(&server, "/reference/tables/holidays/remove", officer, "date=2027-03-17&unit=").await;
    assert_eq!(removed.status(), 303);
    assert!(text(&server, "/reference", officer).await.contains("bỏ"));

    let units = "code,name,kind,parent,valid_from,valid_to,successor\n298,Huyện Thử,district,30,2000-01-01,,\n";
    let asked = upload(&server, admin, &[("kind", "units")], units).await;
    let page = String::from_utf8(bytes(asked).await).expect("text");
    assert!(page.contains("Chưa thay gì") && page.contains("Huyện Thử"), "{page}");
    assert_eq!(server.app.read(|store| store.units().expect("read").len()).await.expect("read"), Snapshot::starter().units.len());
    assert_eq!(upload(&server, admin, &[("kind", "units"), ("sure", "1"), ("text", units)], "").await.status(), 200);
    assert_eq!(server.app.read(|store| store.units().expect("read").len()).await.expect("read"), 1);
}
