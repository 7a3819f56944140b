//! Figures that are typed in, what is found in them, and how the office explains it.

use super::*;

fn block<'a>(resolved: &'a str, pending: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("from", "2021-12-15"),
        ("to", "2022-12-14"),
        ("field", ""),
        ("dossiers.received:value", "681"),
        ("dossiers.resolved:value", resolved),
        ("dossiers.pending:value", pending),
        ("staff.e_identity:value", ""),
        ("staff.e_identity:numerator", "78"),
        ("staff.e_identity:denominator", "93"),
        ("staff.e_identity:printed", "83,9%"),
    ]
}

async fn found(desk: &Desk) -> Vec<serde_json::Value> {
    serde_json::from_str(&desk.get("/api/v1/findings").await.text).expect("JSON")
}

#[tokio::test]
async fn typed_figures_are_checked_corrected_and_kept() {
    let desk = Desk::new();
    let saved = desk.post("/declared", &block("685", "3")).await;
    assert_eq!((saved.status, saved.location.as_str()), (303, "/declared?from=2021-12-15&to=2022-12-14&field=&saved=4"));
    let page = desk.get("/findings").await.text;
    for part in
        ["Cân đối nhận và giải quyết", "Phải là: 681. Chênh: 7.", "Hồ sơ nào đã giải quyết mà không nằm trong số tiếp nhận"]
    {
        assert!(page.contains(part), "{part}");
    }
    let rules: Vec<_> = found(&desk).await.iter().map(|finding| finding["rule"].clone()).collect();
    assert_eq!(rules, ["balance", "subset"]);
    assert_eq!(desk.post("/declared", &block("678", "3")).await.status, 303);
    assert_eq!((found(&desk).await.len(), desk.entries().await), (0, 2));
    let page = desk.get("/declared?from=2021-12-15&to=2022-12-14").await.text;
    assert!(page.contains("685 (lan, "), "what was declared before stays in sight");
    let page = desk.get("/findings").await.text;
    for part in ["Không thấy chỗ nào không khớp", "Không còn từ", "Báo cáo: 688. Phải là: 681. Chênh: 7."] {
        assert!(page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn wrong_cells_are_named_and_nothing_is_saved() {
    let desk = Desk::new();
    let mut form = block("68x", "-3");
    form.push(("web.news:value", "1"));
    form.push(("web.news:numerator", "1"));
    let answer = desk.post("/declared", &form).await;
    assert_eq!((answer.status, desk.entries().await), (422, 0));
    for part in ["3 chỗ chưa đúng; chưa lưu gì", "không phải số nguyên", "số không được âm", "68x", "không ghi cả hai"]
    {
        assert!(answer.text.contains(part), "{part}");
    }
    assert_eq!(desk.post("/declared", &[("from", "mai"), ("to", "kia")]).await.status, 400);
    assert_eq!(desk.get("/declared?from=mai&to=kia").await.status, 400);
}

#[tokio::test]
async fn the_leader_explains_a_finding_and_nobody_else() {
    let desk = Desk::new();
    desk.post("/declared", &block("685", "3")).await;
    let id = found(&desk).await[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/findings/{id}/explain");
    for (reason, words, problem) in
        [("", "", "Hãy chọn một lý do"), ("other", "", "phải viết rõ"), ("slip", "gọi bà Thử 0949863332", "số điện thoại")]
    {
        let answer = desk.post(&path, &[("reason", reason), ("words", words)]).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text.contains(problem) && answer.text.contains(words), "{problem}");
    }
    let answer = desk.post(&path, &[("reason", "counted_twice"), ("words", "7 hồ sơ tính cả ở kỳ trước")]).await;
    assert_eq!((answer.status, answer.location), (303, format!("/findings#f-{id}")));
    let page = desk.get("/findings").await.text;
    assert!(
        page.contains("Đã giải trình")
            && page.contains("7 hồ sơ tính cả ở kỳ trước")
            && page.contains("<b>1</b> cần đơn vị trả lời")
    );
    assert_eq!(desk.post("/findings/00/explain", &[("reason", "slip")]).await.status, 404);
    let clerk = desk.log_in("hoa", Role::Clerk);
    assert_eq!(clerk.post(&path, &[("reason", "slip")]).await.status, 403);
    assert!(!clerk.get("/findings").await.text.contains("Gửi giải trình"));
}

#[tokio::test]
async fn dossiers_that_changed_are_looked_at_again() {
    let desk = Desk::new();
    let page = desk.received().await; // received in 2023, overdue since
    let rules = |found: Vec<serde_json::Value>| found.iter().map(|finding| finding["rule"].clone()).collect::<Vec<_>>();
    assert_eq!(rules(found(&desk).await), ["apology", "late_entry"]);
    assert_eq!(rules(found(&desk).await), ["apology", "late_entry"], "the same when nothing changed");
    let voided = desk.step(&page, StepKind::Voided, "1", &[("note", "ghi nhầm"), ("confirmed", "yes")]).await;
    assert_eq!(voided.status, 303);
    assert_eq!(rules(found(&desk).await), Vec::<serde_json::Value>::new());
    desk.receive("Nguyễn Thị Thử").await;
    desk.receive("Nguyễn Thị Thử").await;
    let all = found(&desk).await;
    let twice = all.iter().find(|finding| finding["rule"] == "duplicate_person_day").expect("one person twice");
    assert_eq!(twice["evidence"].as_array().expect("codes").len(), 2);
}

fn narrative_form<'a>(act: &'a str, extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("from", "2021-12-15"), ("to", "2022-12-14"), ("act", act)], extra].concat()
}

#[tokio::test]
async fn the_narrative_report_keeps_its_words_offers_them_again_and_is_filed_as_it_was() {
    let desk = Desk::new();
    desk.post("/declared", &block("685", "3")).await;
    let page = desk.get("/reports/narrative?from=2021-12-15&to=2022-12-14").await.text;
    for part in ["685", "78/93 (83,9%)", "Còn thiếu", "Mục III.2", "href=\"/reports/narrative/file/docx?from=2021-12-15"] {
        assert!(page.contains(part), "{part}");
    }
    let words = [("part:III.2", "Mạng <b>chậm</b>.\r\nMáy cũ."), ("signer", "Nguyễn Văn Thử"), ("number", "7/BC-UBND")];
    let saved = desk.post("/reports/narrative", &narrative_form("save", &words)).await;
    assert_eq!((saved.status, saved.location.as_str()), (303, "/reports/narrative?from=2021-12-15&to=2022-12-14&done=saved"));
    assert_eq!(desk.entries().await, 1, "words that are being written are no entry");
    let page = desk.get(&saved.location).await.text;
    assert!(page.contains("Mạng &#60;b&#62;chậm&#60;/b&#62;.\nMáy cũ.</textarea>") && !page.contains("Mục III.2</a>"));
    let next = desk.get("/reports/narrative?from=2022-12-15&to=2023-12-14").await.text;
    assert!(next.contains("Lấy lời văn Năm 2022 vào mục còn trống") && next.contains("Đã viết ở Năm 2022"));
    let again = [("from", "2022-12-15"), ("to", "2023-12-14"), ("act", "again"), ("part:IV", "Việc mới")];
    let taken = desk.get(&desk.post("/reports/narrative", &again).await.location).await.text;
    for part in ["Máy cũ.</textarea>", "Việc mới</textarea>", "value=\"Nguyễn Văn Thử\""] {
        assert!(taken.contains(part), "{part}");
    }
    assert!(!taken.contains("value=\"7/BC-UBND\""), "a number belongs to one report");
    let filed = desk.post("/reports/narrative", &narrative_form("file", &words)).await;
    assert_eq!((filed.status, desk.entries().await), (303, 2));
    let page = desk.get(&filed.location).await.text;
    assert!(page.contains("Các bản đã chốt") && page.contains("/reports/narrative/filed/"));
}

#[tokio::test]
async fn a_narrative_report_is_filed_by_a_leader_after_its_period_and_no_text_is_endless() {
    let clerk = Desk::with(motcua_shared::access::Role::Clerk);
    assert_eq!(clerk.post("/reports/narrative", &narrative_form("file", &[])).await.status, 403);
    assert_eq!(clerk.post("/reports/narrative", &narrative_form("save", &[])).await.status, 303);
    let desk = Desk::new();
    let future = [("from", "2099-12-15"), ("to", "2100-12-14"), ("act", "file")];
    assert_eq!(desk.post("/reports/narrative", &future).await.status, 409);
    let long = "ằ".repeat(6_001);
    let answer = desk.post("/reports/narrative", &narrative_form("save", &[("part:V", &long)])).await;
    assert_eq!((answer.status, desk.entries().await), (422, 0));
    assert!(answer.text.contains("Mục V dài 6.001 chữ") && answer.text.contains(&long), "what was typed is not lost");
    assert_eq!(desk.get("/reports/narrative?from=x&to=y").await.status, 400);
    assert_eq!(desk.get("/reports/narrative/file/exe?from=2021-12-15&to=2022-12-14").await.status, 404);
    assert_eq!(desk.get("/reports/narrative/filed/00/docx").await.status, 404);
}

/// A file as a browser hands it over.
async fn hand_over(desk: &Desk, name: &str, content: &str, fields: &[(&str, &str)]) -> Answer {
    let edge = "----thu";
    let file = format!(
        "--{edge}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n{content}\r\n"
    );
    let other = |(field, value): &(&str, &str)| {
        format!("--{edge}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
    };
    let body = file + &fields.iter().map(other).collect::<String>() + "--" + edge + "--\r\n";
    let request = Request::post("/declared/import")
        .header(HOST, "127.0.0.1:7420")
        .header(COOKIE, desk.cookie())
        .header(CONTENT_TYPE, format!("multipart/form-data; boundary={edge}"))
        .body(Body::from(body));
    desk.send(request.expect("a request")).await
}

const FORM_CSV: &str = "STT,Lĩnh vực,Tiếp nhận: tổng số,Trực tuyến,Trực tiếp,Từ kỳ trước,Đã giải quyết: tổng số,Trước hạn,Đúng hạn,Quá hạn,Đang giải quyết: tổng số,Trong hạn,Quá hạn\n1,Hộ tịch,681,675,4,2,685,679,6,0,3,3,0\n,Tổng cộng,681,675,4,2,685,679,6,0,3,3,0\n";

#[tokio::test]
async fn a_report_written_elsewhere_is_shown_and_checked_before_anything_is_kept() {
    let desk = Desk::new();
    let days = [("from", "15/12/2022"), ("to", "29/05/2023")];
    let shown = hand_over(&desk, "<b>bieu.csv", FORM_CSV, &days).await;
    assert_eq!((shown.status, desk.entries().await), (200, 0));
    for part in ["Đã đọc &#60;b&#62;bieu.csv", "Tổng cộng", "685", "Cân đối nhận và giải quyết", "Lưu 22 số liệu này"]
    {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    let start = shown.text.find("name=\"csv\" value=\"").expect("the figures again") + "name=\"csv\" value=\"".len();
    let csv = &shown.text[start..start + shown.text[start..].find('"').expect("its end")];
    let saved = desk.post("/declared/import/save", &[("csv", csv)]).await;
    assert_eq!((saved.status, saved.location.as_str()), (303, "/declared?from=2022-12-15&to=2023-05-29&saved=22"));
    assert!(desk.get("/findings").await.text.contains("Cân đối nhận và giải quyết"));
}

#[tokio::test]
async fn a_report_that_is_not_understood_is_not_offered_to_be_kept() {
    let desk = Desk::new();
    for (content, words) in [
        (FORM_CSV, "biểu không ghi kỳ báo cáo"),
        ("a,b\n1,2\n", "thiếu cột này"),
        ("PK\u{3}\u{4}", "không đọc được"),
        (&FORM_CSV.replace("Hộ tịch", "Thủy lợi"), "không nhận ra lĩnh vực"),
        (&FORM_CSV.replace("1,Hộ tịch,681", "1,Hộ tịch,=1+1"), "công thức"),
    ] {
        let shown = hand_over(&desk, "x.csv", content, &[]).await;
        assert!(
            shown.status == 200 && shown.text.contains(words) && !shown.text.contains("name=\"csv\""),
            "{words}: {}",
            shown.text
        );
    }
    assert_eq!(hand_over(&desk, "", "", &[]).await.status, 422);
    assert_eq!(desk.post("/declared/import/save", &[("csv", "indicator\nx\n")]).await.status, 400);
    assert_eq!(desk.entries().await, 0);
    assert_eq!(desk.nobody().get("/declared/import").await.status, 303);
}
