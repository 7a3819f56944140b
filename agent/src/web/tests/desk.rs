//! The pages of a working day: lists, many at once, look-up, books and figures.

use super::*;

impl Desk {
    /// Receives `count` dossiers and gives their codes.
    async fn received_many(&self, count: usize) -> Vec<String> {
        let mut codes = Vec::new();
        for _ in 0..count {
            codes.push(self.received().await.rsplit('/').next().expect("a code").to_owned());
        }
        codes
    }
}

fn picks(codes: &[String], seen: usize) -> Vec<String> {
    codes.iter().map(|code| format!("{code}@{seen}")).collect()
}

fn act<'a>(kind: &'a str, picks: &'a [String], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![("act", kind), ("list", "overdue")];
    form.extend(picks.iter().map(|pick| ("pick", pick.as_str())));
    form.extend(more);
    form
}

#[tokio::test]
async fn today_shows_what_is_most_urgent_and_each_list_under_its_key() {
    let desk = Desk::new();
    let empty = desk.get("/").await.text;
    assert!(empty.contains("Đến hạn hôm nay") && empty.contains("Không có hồ sơ nào ở đây"));
    desk.receive("<script>alert(1)</script>").await;
    let page = desk.get("/").await.text;
    for part in
        ["<b>Quá hạn</b>: 1 hồ sơ", "accesskey=\"8\"", "bộ phận một cửa", "QUÁ HẠN", "&#60;script&#62;", "accesskey=\"k\""]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    for list in ["overdue", "today", "tomorrow", "waiting", "unfetched", "away", "open", "received"] {
        assert_eq!(desk.get(&format!("/?list={list}")).await.status, 200, "{list}");
    }
    assert!(desk.get("/?list=away").await.text.contains("Không có hồ sơ nào ở đây"));
}

#[tokio::test]
async fn ten_dossiers_are_finished_and_returned_in_two_acts() {
    let desk = Desk::new();
    let codes = desk.received_many(10).await;
    let form = desk.get(&format!("/several?act=finished&list=overdue&pick={}", codes.join("&pick="))).await;
    assert!(form.status == 200 && form.text.contains("Có kết quả: 10 hồ sơ") && form.text.contains(&format!("{}@1", codes[9])));
    let finished = picks(&codes, 1);
    let saved = desk.post("/several", &act("finished", &finished, &[("outcome", "granted")])).await;
    assert_eq!((saved.status, saved.location.as_str(), desk.entries().await), (303, "/?list=overdue&saved=10", 20));
    assert!(desk.get(&saved.location).await.text.contains("<b>Đã lưu</b> 10 hồ sơ"));
    let twice = desk.post("/several", &act("finished", &finished, &[("outcome", "granted")])).await;
    assert_eq!(
        (twice.location.as_str(), desk.entries().await),
        ("/?list=overdue&saved=10", 20),
        "the same form again saves nothing"
    );
    let returned = picks(&codes, 2);
    desk.post("/several", &act("returned", &returned, &[("way", "desk"), ("receiver", "citizen")])).await;
    assert_eq!(desk.entries().await, 30);
    assert!(desk.get(&format!("/dossiers/{}", codes[3])).await.text.contains("đã trả kết quả"));
}

#[tokio::test]
async fn what_could_not_be_saved_with_the_others_is_named_with_its_reason() {
    let desk = Desk::new();
    let codes = desk.received_many(3).await;
    let page = format!("/dossiers/{}", codes[0]);
    desk.step(&page, StepKind::Finished, "1", &[("outcome", "granted")]).await;
    let mut ticked = picks(&codes, 1);
    ticked.push("X-1@1".to_owned());
    let answer = desk.post("/several", &act("transferred", &ticked, &[("to", "Công chức tư pháp"), ("holder", "officer")])).await;
    assert_eq!((answer.status, desk.entries().await), (409, 6));
    for part in ["Đã lưu 2 hồ sơ; chưa lưu 2 hồ sơ", "Hồ sơ đã thay đổi từ khi mở trang này", "Không có hồ sơ này trong sổ"]
    {
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
    let nothing = desk.post("/several", &act("transferred", &picks(&codes[1..], 2), &[("to", "")])).await;
    assert_eq!((nothing.status, desk.entries().await), (422, 6));
    assert!(nothing.text.contains("hãy ghi chức danh") && nothing.text.contains(&codes[1]) && nothing.text.contains(&codes[2]));
    let fresh = picks(&codes[..1], 2);
    let refused = desk.post("/several", &act("came_back", &fresh, &[])).await;
    assert!(refused.status == 409 && refused.text.contains("chưa lưu 1 hồ sơ"), "{}", refused.text);
}

#[tokio::test]
async fn a_reason_is_chosen_and_the_slip_says_it_with_the_number_of_its_form() {
    let desk = Desk::new();
    let page = desk.received().await;
    let bare = desk.step(&page, StepKind::SupplementRequested, "1", &[("reason", "missing")]).await;
    assert!(bare.status == 422 && bare.text.contains("ghi đầy đủ những gì cần bổ sung"), "{}", bare.text);
    assert_eq!(desk.get(&format!("{page}/forms/supplement_request")).await.status, 404, "nothing was asked for yet");
    let asked = [("reason", "missing"), ("note", "<b>sổ</b> đỏ")];
    assert_eq!(desk.step(&page, StepKind::SupplementRequested, "1", &asked).await.status, 303);
    let life = desk.get(&page).await.text;
    for part in ["Thiếu giấy tờ: &#60;b&#62;sổ", "ghi muộn", "lan ghi lúc", "accesskey=\"d\"", "/forms/control_sheet"]
    {
        assert!(life.contains(part), "{part}: {life}");
    }
    let slip = desk.get(&format!("{page}/forms/supplement_request")).await.text;
    for part in ["Mẫu 02", "Thiếu giấy tờ: &#60;b&#62;sổ", "Nguyễn Thị Thử", "Ký và ghi rõ họ tên"] {
        assert!(slip.contains(part), "{part}: {slip}");
    }
    desk.step(&page, StepKind::Supplemented, "2", &[]).await;
    let wrong = desk.step(&page, StepKind::Finished, "3", &[("outcome", "granted"), ("reason", "not_eligible")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("chỉ chọn lý do khi từ chối"));
    let refused = [("outcome", "refused"), ("reason", "not_eligible")];
    assert_eq!(desk.step(&page, StepKind::Finished, "3", &refused).await.status, 303);
    assert!(desk.get(&format!("{page}/forms/refusal")).await.text.contains("Không đủ điều kiện theo quy định"));
    assert!(desk.get(&format!("{page}/forms/return_sheet")).await.text.contains("NGƯỜI NHẬN KẾT QUẢ"));
}

#[tokio::test]
async fn a_citizen_learns_state_and_date_by_code_and_never_who_or_what() {
    let desk = Desk::new();
    let page = desk.receive("Nguyễn Thị Bí Mật").await.location;
    let code = page.split(['/', '?']).nth(2).expect("a code").to_owned();
    let desk = desk.nobody();
    assert_eq!(desk.get("/kiosk").await.status, 200);
    let short = code.split_once('-').expect("a code").1.to_owned();
    for asked in [format!("/kiosk?code={code}"), format!("/lookup?code={}", code.to_lowercase()), format!("/kiosk?code={short}")]
    {
        let shown = desk.get(&asked).await;
        assert_eq!(shown.status, 200);
        for part in [code.as_str(), "Đang giải quyết", "Hẹn trả lúc 17:00 20/11/2023"] {
            assert!(shown.text.contains(part), "{asked} {part}");
        }
        for hidden in ["Bí Mật", "030200000001", "2.000815", "Chứng thực"] {
            assert!(!shown.text.contains(hidden), "{asked} {hidden}");
        }
    }
    let missing = desk.get("/lookup?code=%3Cscript%3E1").await;
    assert!(
        missing.status == 200 && missing.text.contains("Không có hồ sơ nào mang mã này") && missing.text.contains("&#60;SCRIPT")
            || missing.text.contains("&#60;script")
    );
    assert_eq!(desk.get(&format!("/dossiers/{code}")).await.status, 303, "everything else asks who looks");
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(desk.get("/lookup?code=X-1").await.status);
    }
    assert!(answers.starts_with(&[200]) && answers.ends_with(&[429]), "nobody asks faster than people type: {answers:?}");
    assert_eq!(desk.get("/kiosk").await.status, 200, "the empty page stays");
}

#[tokio::test]
async fn one_form_for_each_dossier_without_any_answer_filled_in_and_time_only_after_the_result() {
    let desk = Desk::new();
    let page = desk.received().await;
    let code = page.rsplit('/').next().expect("a code").to_owned();
    let early = desk.get(&format!("/kiosk/rate?code={code}")).await.text;
    assert!(early.contains("name=\"q3\"") && !early.contains("name=\"q1\"") && !early.contains("name=\"rating\""));
    assert!(!early.contains("checked"), "nothing is answered for anybody");
    let hasty = desk.post("/kiosk/rate", &[("dossier", &code), ("q1", "2")]).await;
    assert_ne!(hasty.status, 200, "no time to judge before the result: {}", hasty.text);
    assert_eq!(desk.post("/kiosk/rate", &[("dossier", &code)]).await.status, 422);
    desk.step(&page, StepKind::Finished, "1", &[("outcome", "granted")]).await;
    let form = [("dossier", code.as_str()), ("q1", "2"), ("q7", "0"), ("rating", "very_good")];
    let saved = desk.post("/kiosk/rate", &form).await;
    assert!(saved.status == 200 && saved.text.contains("đã được lưu"), "{}", saved.text);
    assert_eq!(desk.entries().await, 4);
    assert_eq!(desk.post("/kiosk/rate", &[("dossier", code.as_str()), ("q7", "2")]).await.status, 409);
    assert_eq!(desk.post("/kiosk/rate", &[("dossier", "X-1"), ("q7", "2")]).await.status, 200);
    assert_eq!(desk.entries().await, 4);
    let life = desk.get(&page).await.text;
    assert!(life.contains("người dân, ở màn hình tra cứu") && life.contains("Rất tốt"), "{life}");
    assert!(!desk.get(&format!("/kiosk?code={code}")).await.text.contains("/kiosk/rate"));
}

#[tokio::test]
async fn each_figure_opens_its_dossiers_and_stands_against_the_period_before() {
    let desk = Desk::new();
    let page = desk.received().await;
    desk.received().await;
    desk.step(&page, StepKind::Finished, "1", &[("outcome", "granted"), ("at", "10:00 20/11/2023")]).await;
    let report = desk.get("/reports/ii06?kind=q4&year=2023").await.text;
    for part in ["Quý 4/2023", "Quý 3/2023", "field=&#38;column=3\">2</a>", "field=&#38;column=8\">1</a>", "Giải quyết trước hạn"]
    {
        assert!(report.contains(part), "{part}: {report}");
    }
    for (query, expected) in
        [("column=3", 2), ("column=8&field=chung_thuc", 1), ("column=11", 1), ("column=13", 1), ("column=12", 0)]
    {
        let list = desk.get(&format!("/reports/ii06/behind?from=2023-09-15&to=2023-12-14&{query}")).await;
        assert_eq!(list.text.matches("<th scope=\"row\" class=\"code\">").count(), expected, "{query}: {}", list.text);
        assert!(list.text.contains(&format!(": {expected} hồ sơ</h1>")));
    }
    for wrong in ["column=2", "column=14", "column=3&page=0", "column=x"] {
        assert_eq!(desk.get(&format!("/reports/ii06/behind?from=2023-09-15&to=2023-12-14&{wrong}")).await.status, 400, "{wrong}");
    }
    let other = desk.get("/reports/ii06?from=01/01/2023&to=31/12/2023").await.text;
    assert!(other.contains("không so sánh được với đơn vị khác"));
    assert_eq!(desk.get("/reports/ii06?kind=m13&year=2023").await.status, 400);
}

#[tokio::test]
async fn a_report_is_filed_once_by_the_leader_and_what_comes_later_is_a_difference() {
    let desk = Desk::new();
    let page = desk.received().await;
    let period = [("from", "2023-09-15"), ("to", "2023-12-14")];
    let address = "/reports/ii06?from=2023-09-15&to=2023-12-14";
    assert!(desk.get(address).await.text.contains("Kỳ này chưa chốt lần nào"));
    let filed = desk.post("/reports/ii06", &period).await;
    assert_eq!(
        (filed.status, filed.location.as_str(), desk.entries().await),
        (303, "/reports/ii06?from=2023-09-15&to=2023-12-14&filed=yes#filed", 2)
    );
    let shown = desk.get("/reports/ii06?from=2023-09-15&to=2023-12-14&filed=yes").await.text;
    for part in ["<b>Đã chốt</b> lần 1", "khớp từng ô", "không có gì để chốt thêm", "lan"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let again = desk.post("/reports/ii06", &period).await;
    assert!(
        again.status == 409 && again.text.contains("không có gì để chốt thêm") && desk.entries().await == 2,
        "{}",
        again.text
    );
    desk.step(&page, StepKind::Finished, "1", &[("outcome", "granted"), ("at", "10:00 20/11/2023")]).await;
    let drifted = desk.get(address).await.text;
    for part in ["Tổng cộng, cột 7 (đã giải quyết: tổng số): đã chốt 0, nay 1", "8 ô khác", "Chốt báo cáo kỳ này"]
    {
        assert!(drifted.contains(part), "{part}: {drifted}");
    }
    assert_eq!(desk.post("/reports/ii06", &period).await.status, 303);
    assert!(desk.get(address).await.text.matches("khớp từng ô").count() == 1, "the first is as it was filed");
    let open = desk.post("/reports/ii06", &[("from", "2026-12-15"), ("to", "2099-12-14")]).await;
    assert!(open.status == 409 && open.text.contains("chưa hết kỳ"), "{}", open.text);
    let desk = desk.log_in("mai", Role::Clerk);
    assert!(desk.get(address).await.text.contains("Lãnh đạo đơn vị chốt báo cáo"));
    assert_eq!(desk.post("/reports/ii06", &period).await.status, 403);
}

#[tokio::test]
async fn what_the_people_thought_stands_beside_the_figures_and_officers_are_for_the_leader() {
    let desk = Desk::new();
    let page = desk.received().await;
    let address = "/reports/ii06?from=2023-09-15&to=2023-12-14";
    assert!(desk.get(address).await.text.contains("Chưa có phiếu nào của kỳ này"));
    desk.step(&page, StepKind::Finished, "1", &[("outcome", "granted"), ("at", "10:00 20/11/2023")]).await;
    let form = [("q1", "2"), ("q2", "2"), ("q3", "1"), ("q4", "2"), ("q7", "0"), ("at", "11:00 20/11/2023")];
    assert_eq!(desk.step(&page, StepKind::Surveyed, "2", &form).await.status, 303);
    desk.step(&page, StepKind::Rated, "3", &[("rating", "very_good")]).await;
    let shown = desk.get(address).await.text;
    for part in [
        "1 phiếu trên 1 hồ sơ đã giải quyết",
        "rất tốt 1",
        "Thái độ phục vụ",
        "0,0",
        "chưa có",
        "xếp loại",
        "Theo người ghi kết quả",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let desk = desk.log_in("mai", Role::Clerk);
    let shown = desk.get(address).await.text;
    assert!(shown.contains("Thái độ phục vụ") && !shown.contains("Theo người ghi kết quả"));
}

#[tokio::test]
async fn books_and_lists_are_ready_to_print_with_room_to_sign() {
    let desk = Desk::new();
    let page = desk.received().await;
    let sent = [("to", "Công chức <tư pháp>"), ("holder", "officer"), ("at", "10:00 20/11/2023")];
    desk.step(&page, StepKind::Transferred, "1", &sent).await;
    desk.received().await;
    let register = desk.get("/books?year=2023").await.text;
    for part in ["Sổ theo dõi hồ sơ", "01/2023", "02/2023", "Nguyễn Thị Thử", "10:00 20/11/2023", "Ký nhận"] {
        assert!(register.contains(part), "{part}: {register}");
    }
    let handover = desk.get("/books/handover?day=20/11/2023").await.text;
    for part in ["Đã chuyển: 1 hồ sơ", "Công chức &#60;tư pháp&#62;", "Người nhận ký", "1 hồ sơ còn ở bộ phận một cửa"]
    {
        assert!(handover.contains(part), "{part}: {handover}");
    }
    assert!(desk.get("/books/handover?day=21/11/2023").await.text.contains("chưa chuyển hồ sơ nào"));
    let overdue = desk.get("/books/overdue").await.text;
    assert!(overdue.contains("QUÁ HẠN") && overdue.contains("Cần xin lỗi và hẹn lại") && overdue.contains("2 hồ sơ"));
    desk.step(&page, StepKind::Certified, "2", &[("document", "copy"), ("quantity", "3"), ("at", "11:00 20/11/2023")]).await;
    assert!(desk.get("/books/certifications?year=2023").await.text.contains("Bản sao từ bản chính"));
    for wrong in ["/books?year=x", "/books?page=0", "/books/handover?day=hom-nay"] {
        assert_eq!(desk.get(wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_code_of_a_receipt_is_told_genuine_changed_or_of_another_office() {
    let desk = Desk::new();
    let office = desk.app.read(|store, _| store.office()).await.expect("an office");
    let key = office::stream_key(&desk.app.data, office.stream).expect("its key");
    let statement = motcua_shared::statement::Statement {
        code: "000.11.57.H23-261126-0001".to_owned(),
        procedure: "2.000815".to_owned(),
        due_at: None,
        unit: office.unit.clone(),
        stream: office.stream,
    };
    let text = statement.sign(&key);
    let elsewhere =
        motcua_shared::statement::Statement { unit: "11074".to_owned(), stream: Uuid::from_u128(9), ..statement.clone() };
    for (scanned, words) in [
        (text.clone(), "Giấy hẹn thật, do đơn vị này cấp"),
        (text.replace("-0001", "-0002"), "Giấy đã bị sửa"),
        (elsewhere.sign(&key), "Giấy của đơn vị khác"),
        ("MOTCUA1;x".to_owned(), "Không phải mã trên giấy hẹn"),
    ] {
        let page = desk.get(&format!("/kiosk?code={}", percent(&scanned))).await;
        assert!(page.status == 200 && page.text.contains(words), "{words}: {}", page.text);
    }
}
