//! Forms as pages: one document for the eyes and for paper, each printing noted, with a press or without.

use motcua_shared::dossier::Event;

use super::*;

impl Desk {
    /// How often a form of a dossier was printed.
    async fn printed(&self, code: &str) -> usize {
        let (key, code) = (self.app.key.clone(), code.to_owned());
        let history = self.app.door.call(move |store| store.dossier_history(&code, &key).expect("there").1).await;
        history.iter().filter(|step| matches!(step.event, Some(Event::Printed(_)))).count()
    }
}

#[tokio::test]
async fn a_receipt_is_ready_after_saving_and_printing_it_is_noted() {
    let desk = Desk::new();
    let answer = desk.receive("<b>Nguyễn</b> Thị Thử").await;
    let page = desk.get(&answer.location).await.text;
    for part in [
        "<b>Đã lưu</b>",
        "class=\"leaf a5 pt11\"",
        "&#60;b&#62;Nguyễn&#60;/b&#62;",
        "class=\"bars\"",
        "class=\"side24\"",
        "hẹn trả 17:00 20/11/2023",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // Beside the program of the tests there is no press: the page says so and prints by the browser.
    assert!(page.contains("chưa có chương trình in") && page.contains("In bằng trình duyệt") && page.contains("leaves draft"));
    let address = answer.location.split('?').next().expect("an address").to_owned();
    let failed = desk.post(&address, &[]).await;
    assert!(
        failed.status == 503 && failed.text.contains("chưa có chương trình in") && failed.text.contains("class=\"leaf a5"),
        "{}",
        failed.text
    );
    assert_eq!(desk.printed("000.11.57.H23-231120-0001").await, 0, "nothing was printed");
    let by_browser = desk.post(&address, &[("by", "browser")]).await;
    assert_eq!((by_browser.status, by_browser.location.as_str()), (303, format!("{address}?printed=yes").as_str()));
    assert_eq!(desk.printed("000.11.57.H23-231120-0001").await, 1);
    let printed = desk.get(&by_browser.location).await.text;
    assert!(printed.contains("data-print-now") && !printed.contains("leaves draft"), "{printed}");
    assert!(!desk.get(&address).await.text.contains("data-print-now"));
    let life = desk.get("/dossiers/000.11.57.H23-231120-0001").await.text;
    assert!(life.contains("Mẫu 01: Giấy tiếp nhận hồ sơ và hẹn trả kết quả") && life.contains("(in "), "{life}");
}

#[tokio::test]
async fn forms_of_many_dossiers_are_printed_at_once_and_noted_for_each() {
    let desk = Desk::new();
    let mut picks = Vec::new();
    for _ in 0..3 {
        picks.push(desk.received().await.rsplit('/').next().expect("a code").to_owned());
    }
    let list = desk.get("/?list=overdue").await.text;
    assert!(list.contains("formaction=\"/forms\"") && desk.get("/dossiers").await.text.contains("formaction=\"/forms\""));
    let chosen = desk.get(&format!("/forms?list=overdue&pick={}", picks.join("&pick="))).await;
    assert!(
        chosen.status == 200 && chosen.text.contains("(3 hồ sơ có)") && chosen.text.matches("checked").count() == 3,
        "{}",
        chosen.text
    );
    let mut form = vec![("form", "receipt"), ("by", "browser")];
    form.extend(picks.iter().map(|code| ("pick", code.as_str())));
    let printed = desk.post("/forms", &form).await;
    assert!(printed.status == 200 && printed.text.matches("class=\"leaf a5").count() == 3, "{}", printed.text);
    for code in &picks {
        assert_eq!(desk.printed(code).await, 1, "{code}");
    }
    form[0] = ("form", "apology");
    let refused = desk.post("/forms", &form).await;
    assert!(refused.status == 404 && refused.text.contains("không có mẫu này để in"), "{}", refused.text);
    for wrong in ["/forms", "/forms?list=overdue"] {
        assert_eq!(desk.get(wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(desk.post("/forms", &[("form", "book"), ("pick", &picks[0])]).await.status, 404);
}

#[tokio::test]
async fn the_sheet_has_every_class_that_a_form_uses() {
    let desk = Desk::new();
    let page = desk.received().await;
    desk.step(&page, StepKind::Transferred, "1", &[("to", "Công chức"), ("holder", "officer"), ("at", "09:30 20/11/2023")]).await;
    desk.step(&page, StepKind::Finished, "2", &[("outcome", "granted"), ("at", "10:00 20/11/2023")]).await;
    let mut classes = std::collections::BTreeSet::new();
    for form in ["receipt", "control_sheet", "return_sheet"] {
        let shown = desk.get(&format!("{page}/forms/{form}")).await.text;
        let leaves = shown.split("<article").nth(1).and_then(|rest| rest.split("</article>").next()).expect("leaves").to_owned();
        for names in leaves.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            classes.extend(names.split(' ').map(str::to_owned));
        }
    }
    let without_rule = ["leaves", "draft", "landscape"];
    for class in classes.iter().filter(|class| !without_rule.contains(&class.as_str())) {
        let has_rule = [" ", ".", ":"].iter().any(|end| assets::STYLE.contains(&format!(".{class}{end}")));
        assert!(has_rule, "{class}");
    }
    assert!(classes.contains("pt9") && classes.contains("mm10"), "{classes:?}");
}
