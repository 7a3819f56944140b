//! What somebody does on a page that is no longer so is refused in words, for every step.

use super::*;

/// A form of each step that is in order for a dossier in the state that admits it.
fn filled_in(kind: StepKind) -> Vec<(&'static str, &'static str)> {
    match kind {
        StepKind::Finished => vec![("outcome", "granted"), ("at", "10:00 20/11/2023")],
        StepKind::SupplementRequested => vec![("reason", "missing"), ("note", "Thiếu bản sao"), ("at", "10:00 20/11/2023")],
        StepKind::Transferred => vec![("to", "Công chức tư pháp"), ("holder", "officer"), ("at", "10:00 20/11/2023")],
        StepKind::Extended => {
            vec![("reason", "many"), ("note", "Đông người"), ("due_at", "27/11/2023"), ("at", "10:00 20/11/2023")]
        }
        StepKind::Returned => vec![("way", "desk"), ("receiver", "citizen"), ("at", "11:00 20/11/2023")],
        StepKind::PaymentRequested | StepKind::Paid => vec![("amount_vnd", "2.000"), ("at", "10:00 20/11/2023")],
        StepKind::Papers => vec![("papers", "Tờ khai")],
        StepKind::Certified => vec![("document", "copy"), ("quantity", "1"), ("at", "10:00 20/11/2023")],
        StepKind::Digitised => vec![("components", "all"), ("result", "yes")],
        StepKind::Rated => vec![("rating", "good")],
        StepKind::Surveyed => vec![("q3", "2"), ("at", "11:00 20/11/2023")],
        StepKind::NumberedOutside => vec![("code", "H23.1")],
        StepKind::Voided => vec![("note", "nhầm"), ("confirmed", "yes"), ("at", "11:00 20/11/2023")],
        StepKind::Accepted | StepKind::Supplemented | StepKind::CameBack => vec![("at", "10:30 20/11/2023")],
    }
}

/// What comes before a step can be taken.
fn before(kind: StepKind) -> Vec<StepKind> {
    match kind {
        StepKind::Supplemented => vec![StepKind::SupplementRequested],
        StepKind::CameBack => vec![StepKind::Transferred],
        StepKind::Returned | StepKind::Rated => vec![StepKind::Finished],
        _ => Vec::new(),
    }
}

/// A dossier whose procedure admits the step.
async fn dossier_for(desk: &Desk, kind: StepKind) -> String {
    let id = Uuid::now_v7().to_string();
    let mut form = reception(&id, "Nguyễn Thị Thử");
    form[1].1 = match kind {
        StepKind::Accepted => "2.002409", // a complaint, whose time runs from acceptance
        StepKind::Extended => "1.004873",
        _ => "2.000815",
    };
    let answer = desk.post("/dossiers", &form).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.location.split("/forms").next().expect("an address").to_owned()
}

#[tokio::test]
async fn the_same_step_of_another_person_is_refused_and_says_who_took_it() {
    let mut desk = Desk::new();
    for (kind, code) in StepKind::ALL {
        let page = dossier_for(&desk, *kind).await;
        let mut seen = 1;
        for earlier in before(*kind) {
            let taken = desk.step(&page, earlier, &seen.to_string(), &filled_in(earlier)).await;
            assert_eq!(taken.status, 303, "{code} after {}: {}", earlier.code(), taken.text);
            seen += 1;
        }
        let (seen, form) = (seen.to_string(), filled_in(*kind));
        let taken = desk.step(&page, *kind, &seen, &form).await;
        assert_eq!(taken.status, 303, "{code}: {}", taken.text);
        let entries = desk.entries().await;
        let again = desk.step(&page, *kind, &seen, &form).await;
        assert_eq!((again.status, desk.entries().await), (303, entries), "{code}: the same press again is no other step");
        let first = desk.cookie().to_owned();
        desk = desk.log_in(&format!("mai.{}", code.replace('_', "-")), Role::Clerk);
        let stale = desk.step(&page, *kind, &seen, &form).await;
        assert_eq!((stale.status, desk.entries().await), (409, entries), "{code}: {}", stale.text);
        let happened = format!("lan đã ghi “{}” lúc", words::kind_name(code).to_lowercase());
        for part in [happened.as_str(), "bước của bạn chưa được lưu"] {
            assert!(stale.text.contains(part), "{code}: {part}: {}", stale.text);
        }
        desk = desk.with_cookie(&first);
    }
}

#[tokio::test]
async fn several_at_once_and_a_correction_on_a_page_of_before_say_who_was_faster() {
    let desk = Desk::new();
    let page = desk.received().await;
    let code = page.rsplit('/').next().expect("a code").to_owned();
    let sent = [("act", "finished"), ("pick", &format!("{code}@1")), ("outcome", "granted"), ("at", "10:00 20/11/2023")];
    assert_eq!(desk.post("/several", &sent).await.status, 303);
    let desk = desk.log_in("mai", Role::Clerk);
    let stale = desk.post("/several", &sent).await;
    assert!(stale.status == 409 && stale.text.contains("lan đã ghi “có kết quả” lúc"), "{}", stale.text);
    let correction =
        [("seen", "1"), ("do", "save"), ("procedure", "2.000815"), ("name", "Nguyễn Thị Thứ"), ("reason", "gõ nhầm")];
    let stale = desk.post(&format!("{page}/correct"), &correction).await;
    assert!(stale.status == 409 && stale.text.contains("lan đã ghi “có kết quả” lúc"), "{}", stale.text);
    assert_eq!(desk.entries().await, 2);
}
