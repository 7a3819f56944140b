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
    for part in ["Cân đối nhận và giải quyết", "Chênh: <b>7</b>", "Hồ sơ nào đã giải quyết mà không nằm trong số tiếp nhận"]
    {
        assert!(page.contains(part), "{part}");
    }
    let rules: Vec<_> = found(&desk).await.iter().map(|finding| finding["rule"].clone()).collect();
    assert_eq!(rules, ["balance", "subset"]);
    assert_eq!(desk.post("/declared", &block("678", "3")).await.status, 303);
    assert_eq!((found(&desk).await.len(), desk.entries().await), (0, 2));
    let page = desk.get("/declared?from=2021-12-15&to=2022-12-14").await.text;
    assert!(page.contains("685 (lan, "), "what was declared before stays in sight");
    assert!(desk.get("/findings").await.text.contains("Không thấy chỗ nào không khớp"));
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
            && page.contains("<b>1</b> chưa giải trình")
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
