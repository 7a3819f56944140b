//! Receiving, half-typed forms, receipts, corrections and finding, as a browser gets them.

use motcua_shared::access::Role;
use motcua_shared::dossier::Event;
use motcua_shared::step::StepKind;
use uuid::Uuid;

use super::tests::{Answer, Desk, reception};
use crate::store::Store;

fn id() -> String {
    Uuid::now_v7().to_string()
}

impl Desk {
    async fn pressed(&self, action: &str, form: &[(&str, &str)]) -> Answer {
        self.post("/dossiers/new", &[form, &[("do", action)]].concat()).await
    }

    async fn events(&self, code: &'static str) -> Vec<Event> {
        let key = self.app.key.clone();
        let history = move |store: &mut Store| store.dossier_history(code, &key).expect("there").1;
        self.app.door.call(history).await.into_iter().filter_map(|step| step.event).collect()
    }

    /// The codes on a page of what was found, by their last digits.
    async fn finds(&self, asked: &str) -> Vec<String> {
        let page = self.get(&format!("/dossiers?{asked}")).await;
        assert_eq!(page.status, 200, "{asked}: {}", page.text);
        let rows = page.text.split("class=\"code\"><a href=\"/dossiers/").skip(1);
        rows.map(|row| row.split('"').next().unwrap_or_default().rsplit('-').next().unwrap_or_default().to_owned()).collect()
    }
}

#[tokio::test]
async fn the_first_page_is_small_and_offers_procedures_without_script() {
    let desk = Desk::new();
    let page = desk.get("/dossiers/new").await;
    let rest = desk.get("/style.css").await.text.len() + desk.get("/app.js").await.text.len();
    let whole = page.text.len() + rest + desk.get("/reception.js").await.text.len();
    assert!(whole < 150_000, "{whole} bytes");
    assert!(page.cookie.starts_with("motcua-pc="), "this browser has a name from now on: {}", page.cookie);
    for part in ["<datalist", "value=\"2.000815 ", "Lưu hồ sơ", "Ctrl+Enter"] {
        assert!(page.text.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_procedure_is_found_by_part_of_its_name_and_taken_by_a_button() {
    let desk = Desk::new();
    let typed = [("id", "x"), ("procedure", "ket hon ho tich"), ("received_at", "09:00 20/11/2023"), ("name", "Thử Gõ Dở")];
    let offered = desk.pressed("preview", &typed).await;
    assert_eq!(offered.status, 200);
    let offer = "name=\"pick\" value=\"";
    let code = offered.text.split(offer).nth(1).and_then(|rest| rest.split('"').next()).expect("an offer").to_owned();
    assert!(offered.text.matches(offer).count() > 1 && offered.text.contains("Thử Gõ Dở"));
    let picked = desk.post("/dossiers/new", &[&typed[..], &[("pick", &code)]].concat()).await.text;
    assert!(picked.contains(&format!("value=\"{code} ")) && picked.contains("Hẹn trả") && !picked.contains(offer), "{picked}");
    let unsure = desk.post("/dossiers", &[&typed[..], &[("channel", "in_person"), ("submitted_by", "citizen")]].concat()).await;
    assert!(unsure.status == 422 && unsure.text.contains("thủ tục khớp với chữ đã gõ") && unsure.text.contains(offer));
    assert_eq!(desk.entries().await, 0);
}

#[tokio::test]
async fn the_due_time_is_shown_with_how_it_was_counted_before_anything_is_saved() {
    let desk = Desk::new();
    let form = [("procedure", "2.000815"), ("received_at", "15:01 20/11/2026"), ("channel", "in_person")];
    let said = desk.post("/dossiers/new/preview", &form).await;
    assert_eq!((said.status, said.media.as_str()), (200, "application/json"));
    let said: serde_json::Value = serde_json::from_str(&said.text).expect("JSON");
    assert_eq!((&said["due"], &said["fee"]), (&"17:00 23/11/2026".into(), &"2.000".into()));
    assert!(said["how"].as_str().is_some_and(|how| how.contains("nhận sau 15 giờ") && how.contains("nghỉ: thứ bảy, chủ nhật")));
    let shown = desk.pressed("preview", &form).await.text;
    assert!(shown.contains("Hẹn trả 17:00 23/11/2026") && shown.contains("nhận sau 15 giờ"));
    let procedures = desk.get("/dossiers/new/procedures?q=chung+thuc+chu+ky").await.text;
    assert!(procedures.contains("\"code\":\"2.000884\""), "{procedures}");
    assert_eq!(desk.entries().await, 0);
}

#[tokio::test]
async fn a_person_who_came_before_is_known_by_the_identity_number_and_filled_in_on_demand() {
    let desk = Desk::new();
    let id = id();
    let form = [reception(&id, "Nguyễn Thị Thử"), vec![("phone", "0912345678"), ("address", "Thôn 1")]].concat();
    desk.post("/dossiers", &form).await;
    let typed = [("id", "x"), ("identity", "030 200 000 001"), ("received_at", "09:00 20/11/2023")];
    let offered = desk.pressed("preview", &typed).await.text;
    assert!(offered.contains("000.11.57.H23-231120-0001") && offered.contains("Điền tên, điện thoại, địa chỉ"));
    assert!(!offered.contains("value=\"0912345678\""), "only on demand");
    let filled = desk.pressed("fill", &typed).await.text;
    for part in ["value=\"Nguyễn Thị Thử\"", "value=\"0912345678\"", "value=\"Thôn 1\""] {
        assert!(filled.contains(part), "{part}");
    }
    let stranger = desk.post("/dossiers/new/preview", &[("identity", "030200000009")]).await.text;
    assert!(stranger.contains("\"earlier\":[]") && !stranger.contains("Thử"), "{stranger}");
}

#[tokio::test]
async fn papers_and_fee_are_recorded_with_the_reception_and_stand_on_the_receipt() {
    let desk = Desk::new();
    let more = vec![("papers", "Tờ khai\nGiấy khai sinh, bản sao, 2"), ("fee_vnd", "8.000")];
    let id = id();
    let form = [reception(&id, "Nguyễn Thị Thử"), more].concat();
    let saved = desk.post("/dossiers", &form).await;
    assert_eq!(saved.location, "/dossiers/000.11.57.H23-231120-0001/forms/receipt?saved=yes");
    assert_eq!(desk.post("/dossiers", &form).await.location, saved.location, "twice is once");
    let events = desk.events("000.11.57.H23-231120-0001").await;
    let [Event::Received(received), Event::Papers(papers)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((received.fee_vnd, papers.papers.len()), (8000, 2));
    let receipt = desk.get(&saved.location).await.text;
    for part in [
        "Giấy tiếp nhận hồ sơ và hẹn trả kết quả",
        "Mẫu 01",
        "Nguyễn Thị Thử",
        "Giấy khai sinh",
        "8.000 đồng",
        "01/2023",
        "Đã lưu",
    ] {
        assert!(receipt.contains(part), "{part}");
    }
    let changed = [&form[..form.len() - 2], &[("papers", "Tờ khai")]].concat();
    assert_eq!(desk.post("/dossiers", &changed).await.status, 422, "the same form with other papers is not the saved one");
}

const BIRTH: &str = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd,components\n\
                     1.001193,Đăng ký <khai sinh>,ho_tich,,same_day,yes,0,\"Tờ khai | bản chính | 1\nGiấy chứng sinh | bản sao | 2\"\n\
                     1.004873,Tình trạng hôn nhân,ho_tich,3,working_day,yes,0,Tờ khai xác nhận | bản chính | 1\n";

#[tokio::test]
async fn what_the_procedure_asks_for_is_ticked_kept_with_the_draft_and_stands_on_the_papers() {
    let desk = Desk::new();
    desk.works_by(BIRTH).await;
    let tick = "name=\"component\" value=\"Giấy chứng sinh | bản sao | 2\"";
    assert!(!desk.get("/dossiers/new").await.text.contains("name=\"component\""), "no procedure is chosen yet");
    let id = id();
    let mut form = reception(&id, "Nguyễn Thị Thử");
    form[1] = ("procedure", "1.001193");
    let shown = desk.pressed("preview", &form).await.text;
    assert!(
        shown.contains(&format!("{tick}>"))
            && shown.contains("(bản sao, 2)")
            && shown.contains("value=\"Tờ khai | bản chính | 1\">")
    );
    let preview = desk.post("/dossiers/new/preview", &form).await.text;
    assert!(preview.contains("\"value\":\"Giấy chứng sinh | bản sao | 2\"") && preview.contains("\"ticked\":false"), "{preview}");
    let ticked = [&form[..], &[("component", "Giấy chứng sinh | bản sao | 2"), ("papers", "Ảnh thẻ, 3")]].concat();
    desk.post("/drafts", &ticked).await;
    let kept = desk.get(&format!("/dossiers/new?draft={id}")).await.text;
    assert!(kept.contains(&format!("{tick} checked>")) && kept.contains("Ảnh thẻ, 3"), "the draft keeps its ticks");
    let told = desk.pressed("missing", &ticked).await.text;
    assert!(
        told.contains("Tờ khai: bản chính, số lượng 1</textarea>") && told.contains("value=\"incomplete\" selected"),
        "{told}"
    );
    let saved = desk.post("/dossiers", &ticked).await;
    assert_eq!((saved.status, desk.post("/dossiers", &ticked).await.location == saved.location), (303, true), "{}", saved.text);
    let page = saved.location.split("/forms").next().expect("an address").to_owned();
    for form in ["receipt", "control_sheet"] {
        let paper = desk.get(&format!("{page}/forms/{form}")).await.text;
        assert!(
            paper.contains("Giấy chứng sinh") && paper.contains("Ảnh thẻ") && !paper.contains("<td>Tờ khai</td>"),
            "{form}: {paper}"
        );
        assert!(paper.contains("Đăng ký &#60;khai sinh&#62;"));
    }

    // The list is put right with its reason.
    let correct = desk.get(&format!("{page}/correct")).await.text;
    assert!(correct.contains(&format!("{tick} checked>")) && correct.contains("Ảnh thẻ | bản chính | 3</textarea>"), "{correct}");
    let typed = |more: Vec<(&'static str, &'static str)>| {
        let facts = vec![("seen", "2"), ("procedure", "1.001193"), ("channel", "in_person"), ("received_at", "09:00 20/11/2023")];
        let person =
            vec![("due_at", "17:00 20/11/2023"), ("name", "Nguyễn Thị Thử"), ("identity", "030200000001"), ("reason", "đếm sót")];
        [facts, person, more].concat()
    };
    let both = vec![("component", "Giấy chứng sinh | bản sao | 2"), ("component", "Tờ khai | bản chính | 1"), ("papers", "")];
    let looked = desk.post(&format!("{page}/correct"), &typed(both.clone())).await.text;
    assert!(
        looked.contains("Tờ khai (1 bản chính); Giấy chứng sinh (2 bản sao)")
            && looked.matches("name=\"component\"").count() == 2,
        "{looked}"
    );
    let save = typed([both, vec![("do", "save")]].concat());
    let done = desk.post(&format!("{page}/correct"), &save).await;
    assert_eq!((done.status, desk.entries().await), (303, 4), "{}", done.text);
    assert_eq!((desk.post(&format!("{page}/correct"), &save).await.status, desk.entries().await), (303, 4), "twice is once");
    let receipt = desk.get(&format!("{page}/forms/receipt")).await.text;
    assert!(receipt.contains("<td>Tờ khai</td>") && !receipt.contains("Ảnh thẻ"), "{receipt}");
    assert!(
        desk.get(&page).await.text.contains("Tờ khai | bản chính | 1\nGiấy chứng sinh | bản sao | 2</textarea>"),
        "the step begins with the list"
    );
}

#[tokio::test]
async fn a_tick_of_another_procedure_is_shown_as_a_line_and_nothing_is_saved() {
    let desk = Desk::new();
    desk.works_by(BIRTH).await;
    let id = id();
    let mut form = reception(&id, "Nguyễn Thị Thử");
    form[1] = ("procedure", "1.004873");
    form.push(("component", "Giấy chứng sinh | bản sao | 2"));
    let shown = desk.post("/dossiers", &form).await;
    assert_eq!((shown.status, desk.entries().await), (422, 0));
    assert!(
        shown.text.contains("Giấy chứng sinh | bản sao | 2</textarea>") && shown.text.contains("không nằm trong thành phần"),
        "{}",
        shown.text
    );
    assert!(!shown.text.contains("value=\"Giấy chứng sinh"), "the list is that of the procedure");
}

#[tokio::test]
async fn a_slip_prints_what_to_complete() {
    let desk = Desk::new();
    let id = id();
    let more = vec![("answer", "guided"), ("lack", "incomplete"), ("lack_note", "Thiếu bản sao")];
    let saved = desk.post("/dossiers", &[reception(&id, "Nguyễn Thị Thử"), more].concat()).await;
    assert_eq!(saved.location, "/dossiers/000.11.57.H23-231120-0001/forms/supplement_request?saved=yes");
    let page = "/dossiers/000.11.57.H23-231120-0001";
    let slip = desk.get(&saved.location).await.text;
    for part in ["Phiếu yêu cầu bổ sung", "Mẫu 02", "Thiếu bản sao", "thiếu thành phần hồ sơ", "Đã lưu"] {
        assert!(slip.contains(part), "{part}");
    }
    let form = desk.get(&format!("{page}/correct")).await.text;
    assert!(
        form.contains("value=\"incomplete\" selected")
            && form.contains("Thiếu bản sao</textarea>")
            && !form.contains("name=\"due_at\"")
    );
    let facts =
        [("seen", "1"), ("do", "save"), ("procedure", "2.000815"), ("channel", "in_person"), ("received_at", "09:00 20/11/2023")];
    let told =
        [("name", "Nguyễn Thị Thử"), ("identity", "030200000001"), ("lack", "invalid"), ("lack_note", "Bản sao mờ\nTờ khai sai")];
    let saved = desk.post(&format!("{page}/correct"), &[&facts[..], &told[..], &[("reason", "chọn nhầm")]].concat()).await;
    assert_eq!((saved.status, desk.entries().await), (303, 2), "{}", saved.text);
    let slip = desk.get(&format!("{page}/forms/supplement_request")).await.text;
    for part in ["- Bản sao mờ", "- Tờ khai sai", "giấy tờ không hợp lệ, kê khai sai"] {
        assert!(slip.contains(part) && !slip.contains("Thiếu bản sao"), "{part}: {slip}");
    }
    let life = desk.get(page).await.text;
    assert!(life.contains("chọn nhầm") && life.contains("Nội dung phiếu: Bản sao mờ"), "{life}");
}

#[tokio::test]
async fn a_half_typed_form_is_kept_offered_again_and_goes_when_it_is_saved_or_thrown_away() {
    let desk = Desk::new();
    let id = id();
    let waits = |page: &str| page.contains("đang gõ dở lúc");
    let blank = [("id", id.as_str()), ("channel", "online"), ("received_at", "09:00 20/11/2023")];
    assert_eq!(desk.post("/drafts", &blank).await.text, "{\"at\":\"\"}", "nothing was typed");
    let half = [&blank[..], &[("name", "Nguyễn Thị Dở Dang"), ("procedure", "2.000815 Chứng thực")]].concat();
    let kept = desk.post("/drafts", &half).await;
    assert!(kept.status == 200 && kept.text.starts_with("{\"at\":\"") && kept.text.len() > 10, "{}", kept.text);
    let page = desk.get("/dossiers/new").await.text;
    assert!(waits(&page) && page.contains("Nguyễn Thị Dở Dang"));
    let again = desk.get(&format!("/dossiers/new?draft={id}")).await.text;
    assert!(again.contains("value=\"Nguyễn Thị Dở Dang\"") && again.contains(&format!("value=\"{id}\"")) && !waits(&again));
    let whole = reception(&id, "Nguyễn Thị Dở Dang");
    assert_eq!(desk.post("/dossiers", &whole).await.status, 303);
    assert!(!waits(&desk.get("/dossiers/new").await.text), "it is saved");
    assert_eq!(desk.post("/drafts", &half).await.text, "{\"at\":\"\"}", "what was under way when it was saved comes too late");
    let other = Uuid::now_v7().to_string();
    desk.pressed("keep", &[("id", &other), ("name", "Trần Văn Bỏ")]).await;
    assert!(waits(&desk.get("/dossiers/new").await.text));
    assert_eq!(desk.post(&format!("/drafts/{other}/discard"), &[]).await.status, 303);
    assert!(!waits(&desk.get("/dossiers/new").await.text), "it was thrown away");
}

#[tokio::test]
async fn a_half_typed_form_is_nobody_elses() {
    let desk = Desk::new();
    let id = id();
    desk.post("/drafts", &[("id", &id), ("name", "Nguyễn Thị Riêng")]).await;
    let desk = desk.log_in("hoa", Role::Clerk);
    assert!(!desk.get("/dossiers/new").await.text.contains("Riêng"));
    assert!(!desk.get(&format!("/dossiers/new?draft={id}")).await.text.contains("Riêng"));
    assert!(!desk.get("/drafts").await.text.contains("Riêng"));
    desk.post(&format!("/drafts/{id}/discard"), &[]).await;
    desk.post("/drafts", &[("id", &id), ("name", "Kẻ Khác")]).await;
    let key = desk.app.key.clone();
    let kept = desk.app.door.call(move |store| store.half_typed("lan", &key).expect("read")).await;
    assert!(kept.len() == 1 && String::from_utf8_lossy(&kept[0].form).contains("Riêng"), "neither dropped nor overwritten");
}

#[tokio::test]
async fn what_another_browser_is_typing_is_told_apart() {
    let desk = Desk::new();
    let id = id();
    let typist = crate::store::Typist { owner: "lan".to_owned(), pc: "0123456789abcdef".to_owned() };
    let key = desk.app.key.clone();
    let form = format!("{{\"id\":\"{id}\",\"name\":\"Trần Văn Máy Khác\"}}");
    let keep = move |store: &mut Store| {
        let id = Uuid::parse_str(&id).expect("an id");
        store.half_typed_keep(id, &typist, form.as_bytes(), super::now(), (&key, crate::office::chance())).expect("kept")
    };
    assert!(desk.app.door.call(keep).await);
    let page = desk.get("/dossiers/new").await.text;
    assert!(page.contains("Trên máy khác còn 1 hồ sơ") && !page.contains("Trần Văn Máy Khác"));
    let all = desk.get("/drafts").await.text;
    assert!(all.contains("Trần Văn Máy Khác") && all.contains("máy khác"));
}

#[tokio::test]
async fn a_slip_of_the_hand_is_put_right_with_its_reason_and_the_old_is_kept() {
    let desk = Desk::new();
    let page = desk.received().await;
    let form = |reason: &'static str| {
        vec![
            ("seen", "1"),
            ("procedure", "2.000815"),
            ("channel", "online"),
            ("received_at", "09:00 20/11/2023"),
            ("due_at", "17:00 20/11/2023"),
            ("name", "Nguyễn Thị Thứ Ba"),
            ("identity", "030200000001"),
            ("reason", reason),
        ]
    };
    let address = format!("{page}/correct");
    assert!(desk.get(&address).await.text.contains("value=\"Nguyễn Thị Thử\""));
    let unreasoned = desk.post(&address, &form("")).await;
    assert!(unreasoned.status == 422 && unreasoned.text.contains("hãy ghi lý do đính chính"));
    let looked_at = desk.post(&address, &form("gõ nhầm tên")).await;
    for part in ["Nguyễn Thị Thử", "Nguyễn Thị Thứ Ba", "Trực tiếp", "Trực tuyến", "Ghi đính chính", "gõ nhầm tên"]
    {
        assert!(looked_at.text.contains(part), "{part}");
    }
    assert_eq!(desk.entries().await, 1, "looking saves nothing");
    let save = [form("gõ nhầm tên"), vec![("do", "save")]].concat();
    let saved = desk.post(&address, &save).await;
    assert_eq!((saved.status, saved.location.as_str()), (303, format!("{page}?saved=corrected").as_str()));
    assert_eq!(desk.post(&address, &save).await.status, 303, "twice is once");
    assert_eq!(desk.entries().await, 2);
    let stale = desk.post(&address, &[form("lần nữa"), vec![("do", "save")]].concat()).await;
    assert!(stale.status == 409 && stale.text.contains("đã thay đổi từ khi mở trang này"));
    let shown = desk.get(&page).await.text;
    assert!(shown.contains("Nguyễn Thị Thứ Ba") && shown.contains("gõ nhầm tên"));
    assert_eq!((desk.finds("q=thu+ba").await.len(), desk.finds("q=thu+nguyen+ba").await.len()), (1, 1));
}

#[tokio::test]
async fn dossiers_are_found_by_name_number_and_state_and_opened_by_code() {
    let desk = Desk::new();
    desk.receive("Đặng Thị Ánh").await;
    let other = id();
    let second: Vec<_> = reception(&other, "Trần Văn Ánh").into_iter().filter(|(name, _)| *name != "identity").collect();
    let second = desk.post("/dossiers", &[second, vec![("identity", "030200000777")]].concat()).await;
    let second = second.location.split("/forms").next().expect("an address").to_owned();
    desk.step(&second, StepKind::Finished, "1", &[("outcome", "granted"), ("at", "10:00 20/11/2023")]).await;
    let cases: [(&str, &[&str]); 9] = [
        ("q=anh+dang", &["0001"]),
        ("q=%C3%81NH", &["0002", "0001"]),
        ("q=0777", &["0002"]),
        ("q=anh&state=finished", &["0002"]),
        ("q=anh&state=overdue", &["0001"]),
        ("procedure=2.000815&from=20/11/2023&to=20/11/2023", &["0002", "0001"]),
        ("field=ho_tich", &[]),
        ("q=nguyen", &[]),
        ("q=", &["0002", "0001"]),
    ];
    for (asked, expected) in cases {
        assert_eq!(desk.finds(asked).await, expected, "{asked}");
    }
    for asked in ["q=000.11.57.h23-231120-0001", "code=000.11.57.H23-231120-0001", "q=231120-0001"] {
        assert_eq!(desk.get(&format!("/dossiers?{asked}")).await.location, "/dossiers/000.11.57.H23-231120-0001", "{asked}");
    }
    for (asked, problem) in
        [("from=mai", "cần một ngày"), ("from=21/11/2023&to=20/11/2023", "ngày cuối trước"), ("page=0", "Số trang")]
    {
        let answer = desk.get(&format!("/dossiers?{asked}")).await;
        assert!(answer.status == 400 && answer.text.contains(problem), "{asked}");
    }
}

#[tokio::test]
async fn the_list_that_was_found_opens_in_excel_and_runs_nothing() {
    let desk = Desk::new();
    desk.receive("=HYPERLINK(\"http://evil.example\"), Ánh").await;
    let file = desk.get("/dossiers.csv?q=anh").await;
    assert_eq!((file.status, file.media.as_str()), (200, "text/csv; charset=utf-8"));
    assert!(file.text.starts_with("\u{feff}Mã hồ sơ,"));
    assert!(file.text.contains("\"'=HYPERLINK(\"\"http://evil.example\"\"), Ánh\""), "{}", file.text);
    assert_eq!(file.text.lines().count(), 2);
    assert_eq!(desk.get("/dossiers.csv?from=mai").await.status, 400);
    assert_eq!(desk.get("/dossiers.csv?q=nobody").await.text.lines().count(), 1);
}

#[tokio::test]
async fn a_search_is_kept_for_its_user_or_for_the_office() {
    let desk = Desk::new();
    let keep = [("name", "Tìm Ánh"), ("q", "ánh"), ("state", "overdue")];
    assert_eq!(desk.post("/dossiers/searches", &keep).await.location, "/dossiers?q=%C3%A1nh&state=overdue");
    desk.post("/dossiers/searches", &[("name", "Hộ tịch quá hạn"), ("field", "ho_tich"), ("shared", "yes")]).await;
    assert_eq!(desk.post("/dossiers/searches", &[("name", " "), ("q", "x")]).await.status, 400);
    let page = desk.get("/dossiers").await.text;
    assert!(
        page.contains("Tìm Ánh") && page.contains("/dossiers?q=%C3%A1nh&#38;state=overdue") && page.contains("Hộ tịch quá hạn")
    );
    let desk = desk.log_in("hoa", Role::Clerk);
    let page = desk.get("/dossiers").await.text;
    assert!(!page.contains("Tìm Ánh") && page.contains("Hộ tịch quá hạn"));
    desk.post("/dossiers/searches/1/forget", &[]).await;
    desk.post("/dossiers/searches/2/forget", &[]).await;
    let key = desk.app.key.clone();
    let left = desk.app.door.call(move |store| store.saved_searches("lan", &key).expect("read")).await;
    assert_eq!(left.into_iter().map(|saved| saved.n).collect::<Vec<_>>(), [1], "another's is not his to forget");
}

#[tokio::test]
async fn hostile_words_in_every_form_are_shown_as_text() {
    let desk = Desk::new();
    let hostile = "<script>alert(1)</script>\"'&";
    let page = desk.received().await;
    let forms = [
        ("/dossiers/new".to_owned(), vec![("procedure", hostile), ("name", hostile), ("papers", hostile)]),
        ("/dossiers".to_owned(), vec![("procedure", hostile), ("fee_vnd", hostile), ("follows", hostile)]),
        (format!("{page}/correct"), vec![("seen", "1"), ("name", hostile), ("reason", hostile), ("channel", hostile)]),
    ];
    for (address, form) in forms {
        let text = desk.post(&address, &form).await.text;
        assert!(text.contains("&#60;script&#62;") && !text.contains("<script>"), "{address}");
    }
    let id = id();
    desk.post("/drafts", &[("id", &id), ("name", hostile)]).await;
    desk.post("/dossiers/searches", &[("name", hostile), ("q", hostile)]).await;
    for address in ["/dossiers/new", "/drafts", "/dossiers", "/dossiers?q=%3Cscript%3Ealert(1)%3C/script%3E"] {
        let text = desk.get(address).await.text;
        assert!(text.contains("&#60;script&#62;") && !text.contains("<script>"), "{address}");
    }
}
