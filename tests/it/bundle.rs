//! Offices without a line: enrolment, entries and receipts as files between real processes.

use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result};
use chrono::NaiveDate;
use motcua_tests::register;
use motcua_tests::world::{Commune, District, fixture, programs, run, text};

use super::journey::{assert_both_ends_agree, people};

/// Exit code, and everything that was said.
type Said = (Option<i32>, String);

async fn said(program: &Path, arguments: &[&str]) -> Result<Said> {
    let output = run(program, arguments).await?;
    Ok((output.status.code(), String::from_utf8([output.stdout, output.stderr].concat())?))
}

async fn at_commune(commune: &Commune, what: &str, file: &Path) -> Result<Said> {
    said(&programs().agent, &["bundle", "--data", text(&commune.data), what, text(file)]).await
}

async fn at_district(district: &District, what: &str, file: &Path, more: &[&str]) -> Result<Said> {
    said(&programs().aggregator, &[&["bundle", "--data", text(&district.data), what, text(file)], more].concat()).await
}

#[track_caller]
fn assert_says(said: &Said, exit: i32, words: &str) {
    assert!(said.0 == Some(exit) && said.1.contains(words), "expected {exit} and “{words}”: {said:?}");
}

async fn request(commune: &Commune, code: &str, file: &Path) -> Result<Said> {
    said(&programs().agent, &["enroll", "--data", text(&commune.data), "--code", code, "--request", text(file)]).await
}

/// A place where people carry files from and to.
struct Stick(PathBuf);

impl Stick {
    fn new(folder: &Path) -> Result<Stick> {
        std::fs::create_dir_all(folder.join("usb"))?;
        Ok(Stick(folder.join("usb")))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Enrols `commune` without a line.
    async fn enrol(&self, commune: &Commune, district: &District) -> Result<()> {
        let (asked, answer) = (self.file("request"), self.file("answer"));
        assert_says(&request(commune, &district.enroll_code(&commune.unit).await?, &asked).await?, 0, "mang tệp này về huyện");
        assert_says(&at_district(district, "import", &asked, &["--out", text(&answer)]).await?, 0, "Đã đăng ký một máy");
        assert_says(&at_commune(commune, "import", &answer).await?, 0, "Đã đăng ký với huyện");
        Ok(())
    }

    /// A few more dossiers of that day.
    async fn record(&self, commune: &Commune, day: &str, count: usize) -> Result<()> {
        let rows = register::csv(7, "000.11.57.H23", day.parse::<NaiveDate>()?, count);
        std::fs::write(self.file("register.csv"), rows)?;
        commune.import(&self.file("register.csv")).await?;
        Ok(())
    }
}

async fn figure(commune: &Commune, key: &str) -> Result<u64> {
    commune.status().await?[key].as_u64().with_context(|| key.to_owned())
}

fn stored(district: &District) -> Result<u64> {
    Ok(district.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_that_never_had_a_line_enrols_sends_and_gets_its_receipts_by_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    let (asked, answer, entries, receipts) =
        (stick.file("request"), stick.file("answer"), stick.file("entries"), stick.file("receipts"));
    assert_says(&at_commune(&commune, "export", &entries).await?, 2, "Hãy đăng ký trước");
    assert!(!entries.exists());

    let code = district.enroll_code("11089").await?;
    assert_says(&request(&commune, &code, &asked).await?, 0, "mang tệp này về huyện");
    assert_says(&at_district(&district, "export", &answer, &[]).await?, 2, "chưa có biên nhận");
    assert_says(&at_district(&district, "import", &asked, &[]).await?, 0, "Xã Ngọc Kỳ (11089)");
    assert_says(&at_district(&district, "import", &asked, &[]).await?, 0, "Đã đăng ký");
    assert_says(&at_district(&district, "export", &answer, &[]).await?, 0, "1 trả lời đăng ký");
    assert_says(&at_commune(&commune, "import", &answer).await?, 0, "0001–4999");
    assert_says(&at_commune(&commune, "import", &answer).await?, 0, "không có gì thay đổi");
    assert!(!commune.data.join("identity/enrolment.code").exists(), "a used code is not kept");

    let head = figure(&commune, "head_seq").await?;
    assert_says(&at_commune(&commune, "export", &entries).await?, 0, "4.514 hồ sơ");
    assert_eq!(figure(&commune, "pending").await?, head, "writing a file sends nothing");
    assert_says(&at_district(&district, "import", &entries, &[]).await?, 0, &format!("{head} mục mới"));
    assert_eq!(figure(&commune, "pending").await?, head, "what the office cannot know is not called sent");
    assert_says(&at_district(&district, "export", &receipts, &["--unit", "11089"]).await?, 0, "1 biên nhận");
    assert_says(&at_commune(&commune, "import", &receipts).await?, 0, "đã lưu đủ");
    let status = commune.status().await?;
    assert_eq!((&status["pending"], &status["last_outcome"]), (&0.into(), &"complete".into()));
    assert_both_ends_agree(&commune, &district).await?;
    commune.verify().await?;
    district.verify().await?;

    let people = people()?;
    let finder = AhoCorasick::new(people.iter().map(String::as_str).chain([code.as_str(), "2.000815"]))?;
    for file in [asked, answer, entries, receipts] {
        let bytes = std::fs::read(&file)?;
        assert!(finder.find(&bytes).is_none(), "{} is readable", file.display());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_and_receipts_may_come_twice_and_out_of_order() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    stick.enrol(&commune, &district).await?;
    let (first, second) = (stick.file("first"), stick.file("second"));
    stick.record(&commune, "2024-01-02", 30).await?;
    assert_says(&at_commune(&commune, "export", &first).await?, 0, "30 hồ sơ");
    let early = stick.file("early");
    assert_says(&at_district(&district, "import", &first, &["--out", text(&early)]).await?, 0, "mục mới");
    stick.record(&commune, "2024-03-04", 20).await?;
    assert_says(&at_commune(&commune, "export", &second).await?, 0, "50 hồ sơ");
    let head = figure(&commune, "head_seq").await?;

    let late = stick.file("late");
    assert_says(&at_district(&district, "import", &second, &["--out", text(&late)]).await?, 0, &format!("đến mục {head}."));
    for file in [&first, &second, &first] {
        assert_says(&at_district(&district, "import", file, &[]).await?, 0, ": 0 mục mới");
    }
    assert_eq!(stored(&district)?, head);
    district.verify().await?;
    let told: u64 = district.database()?.query_row("select told_head_seq from stream", [], |row| row.get(0))?;
    assert_eq!(told, head, "an old bundle does not make the district forget how far the office is");

    assert_says(&at_commune(&commune, "import", &late).await?, 0, "đã lưu đủ");
    for file in [&early, &late] {
        assert_says(&at_commune(&commune, "import", file).await?, 0, "không có gì thay đổi");
    }
    assert_eq!(figure(&commune, "stored_through").await?, head);
    let nothing = stick.file("nothing");
    assert_says(&at_commune(&commune, "export", &nothing).await?, 0, "không có mục nào chờ gửi");
    assert_says(&at_district(&district, "import", &nothing, &[]).await?, 0, ": 0 mục mới");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_that_lost_entries_says_which_and_gets_them_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    stick.enrol(&commune, &district).await?;
    let (entries, receipts) = (stick.file("entries"), stick.file("receipts"));
    stick.record(&commune, "2024-01-02", 30).await?;
    at_commune(&commune, "export", &entries).await?;
    at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?;
    assert_says(&at_commune(&commune, "import", &receipts).await?, 0, "đã lưu đủ");
    let lost = figure(&commune, "head_seq").await?;
    let forget = "delete from arrival; delete from entry; delete from dossier; delete from rollup;
                  update meta set value = '00000000-0000-7000-8000-000000000001' where key = 'epoch';";
    district.database()?.execute_batch(forget)?;

    stick.record(&commune, "2024-03-04", 20).await?;
    let old_receipts = stick.file("old");
    std::fs::copy(&receipts, &old_receipts)?;
    at_commune(&commune, "export", &entries).await?;
    let gap = at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?;
    assert_says(&gap, 3, &format!("Thiếu các mục 1–{lost} của Xã Ngọc Kỳ"));
    assert_eq!(stored(&district)?, 0);
    let told = at_commune(&commune, "import", &receipts).await?;
    assert_says(&told, 0, &format!("từng lưu đến mục {lost}, nay chỉ còn đến mục 0"));
    assert_eq!(figure(&commune, "stored_through").await?, 0);
    assert_says(&at_commune(&commune, "import", &old_receipts).await?, 0, "không có gì thay đổi");
    assert_eq!(figure(&commune, "stored_through").await?, 0, "a receipt of the lost epoch counts no more");
    assert_says(&at_commune(&commune, "export", &entries).await?, 0, "50 hồ sơ");
    assert_says(&at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?, 0, "mục mới");
    assert_says(&at_commune(&commune, "import", &receipts).await?, 0, "đã lưu đủ");
    assert_eq!(stored(&district)?, figure(&commune, "head_seq").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_and_misdirected_files_change_nothing_and_say_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let other = District::found(&folder.path().join("other")).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let neighbour = Commune::found(folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    stick.enrol(&commune, &district).await?;
    stick.enrol(&neighbour, &district).await?;
    stick.record(&commune, "2024-01-02", 30).await?;
    let (entries, theirs, receipts, bad) =
        (stick.file("entries"), stick.file("theirs"), stick.file("receipts"), stick.file("bad"));
    at_commune(&commune, "export", &entries).await?;
    let whole = std::fs::read(&entries)?;
    let middle = whole.len() / 2;
    let mut altered = whole.clone();
    altered[middle] ^= 1;
    let damaged: [(&[u8], &str); 5] = [
        (&whole[..middle], "thiếu phần cuối"),
        (&[], "thiếu phần cuối"),
        (&altered, "bị hỏng hoặc bị sửa"),
        (&[whole.as_slice(), b"\n"].concat(), "bị hỏng hoặc bị sửa"),
        (b"code,procedure\n", "không phải gói đồng bộ"),
    ];
    for (bytes, words) in damaged {
        std::fs::write(&bad, bytes)?;
        assert_says(&at_district(&district, "import", &bad, &[]).await?, 2, words);
        assert_says(&at_commune(&commune, "import", &bad).await?, 2, words);
    }
    assert_says(&at_district(&other, "import", &entries, &[]).await?, 2, "gửi cho huyện khác");
    assert_says(&at_commune(&commune, "import", &entries).await?, 2, "gói của xã gửi lên huyện");
    assert_says(&at_district(&district, "import", &stick.file("absent"), &[]).await?, 2, "Không đọc được");
    assert_says(&at_commune(&commune, "import", &stick.file("absent")).await?, 2, "không đọc được");
    assert_says(&at_commune(&commune, "export", &stick.file("no/such/folder")).await?, 2, "không ghi được");
    assert_eq!(stored(&district)?, 0);

    at_commune(&neighbour, "export", &theirs).await?;
    assert_says(
        &at_district(&district, "import", &theirs, &["--out", text(&receipts)]).await?,
        0,
        "(11098@2024-12-01): 0 mục mới",
    );
    assert_says(&at_commune(&commune, "import", &receipts).await?, 2, "của đơn vị khác");
    assert_says(&at_district(&district, "import", &receipts, &[]).await?, 2, "gói của huyện gửi về xã");
    assert_says(&at_district(&district, "export", &receipts, &["--unit", "11089"]).await?, 0, "1 trả lời đăng ký");
    assert_eq!(figure(&commune, "stored_through").await?, 0);

    district.database()?.execute("update certificate set revoked_at = '2024-01-01' where unit = '11089'", [])?;
    assert_says(&at_district(&district, "import", &entries, &[]).await?, 2, "đã bị thu hồi");
    district.database()?.execute("update certificate set revoked_at = null", [])?;
    assert_says(&at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?, 0, "mục mới");
    commune.database()?.execute("delete from bundle", [])?;
    assert_says(&at_commune(&commune, "import", &receipts).await?, 2, "không trả lời gói nào");
    assert_eq!(figure(&commune, "stored_through").await?, 0, "an answer to no question is no receipt");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolment_by_file_refuses_what_enrolment_over_the_line_refuses() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let other = District::found(&folder.path().join("other")).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let (asked, answer, again) = (stick.file("request"), stick.file("answer"), stick.file("again"));
    let enrol = |code: String| request_and_import(&commune, &district, &stick, code);
    let foreign = district.enroll_code("11098").await?;
    assert_says(&enrol(foreign).await?, 2, "cấp cho đơn vị khác");
    let expired = district.enroll_code("11089").await?;
    district.database()?.execute("update enrolment set expires_at = '2020-01-01T00:00:00+07:00'", [])?;
    assert_says(&enrol(expired).await?, 2, "hết hạn");
    assert_says(&enrol(other.enroll_code("11089").await?).await?, 2, "gửi cho huyện khác");
    let forgotten = district.enroll_code("11089").await?;
    district.database()?.execute("delete from enrolment where expires_at > '2021'", [])?;
    assert_says(&enrol(forgotten).await?, 2, "Không có mã đăng ký này");

    assert_says(&at_commune(&commune, "import", &asked).await?, 2, "gói của xã gửi lên huyện");
    assert_says(&request(&commune, &district.enroll_code("11089").await?, &asked).await?, 0, "mang tệp này");
    at_district(&district, "import", &asked, &["--out", text(&answer)]).await?;
    assert_says(&request(&commune, &district.enroll_code("11089").await?, &again).await?, 0, "mang tệp này");
    assert_says(&at_commune(&commune, "import", &answer).await?, 2, "không ứng với mã đăng ký");
    assert_says(&at_district(&district, "import", &again, &["--out", text(&answer)]).await?, 0, "Đã đăng ký");
    assert_says(&at_commune(&commune, "import", &answer).await?, 0, "Đã đăng ký");
    assert_says(&request(&commune, &district.enroll_code("11089").await?, &again).await?, 2, "đã đăng ký");
    Ok(())
}

async fn request_and_import(commune: &Commune, district: &District, stick: &Stick, code: String) -> Result<Said> {
    let asked = stick.file("request");
    assert_says(&request(commune, &code, &asked).await?, 0, "mang tệp này về huyện");
    at_district(district, "import", &asked, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_and_a_line_serve_the_same_office_side_by_side() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    stick.enrol(&commune, &district).await?;
    stick.record(&commune, "2024-01-02", 30).await?;
    let offline = said(&programs().agent, &["sync", "--data", text(&commune.data)]).await?;
    assert_says(&offline, 2, "đăng ký bằng tệp");

    commune.enroll(&district, district.address).await?;
    let (exit, said) = commune.sync().await?;
    assert_eq!(exit, Some(0), "{said}");
    stick.record(&commune, "2024-03-04", 20).await?;
    let (entries, receipts) = (stick.file("entries"), stick.file("receipts"));
    assert_says(&at_commune(&commune, "export", &entries).await?, 0, "20 hồ sơ");
    assert_says(&at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?, 0, "mục mới");
    assert_says(&at_commune(&commune, "import", &receipts).await?, 0, "đã lưu đủ");
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, &said["segments"]), (Some(0), &0.into()), "{said}");
    assert_eq!(stored(&district)?, figure(&commune, "head_seq").await?);
    server.stop().await?;
    Ok(())
}

/// The same disk once more.
fn cloned(commune: &Commune, folder: &Path) -> Result<Commune> {
    let data = folder.join("twin");
    std::fs::create_dir_all(data.join("identity"))?;
    for place in ["", "identity"] {
        for entry in std::fs::read_dir(commune.data.join(place))? {
            let path = entry?.path();
            if path.is_file() {
                std::fs::copy(&path, data.join(place).join(path.file_name().context("a name")?))?;
            }
        }
    }
    Ok(Commune { unit: commune.unit.clone(), name: commune.name.clone(), recovery_key: commune.recovery_key.clone(), data })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloned_disk_that_sends_by_file_loses_nothing_and_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    stick.enrol(&commune, &district).await?;
    stick.record(&commune, "2024-01-02", 30).await?;
    let twin = cloned(&commune, folder.path())?;
    let (entries, receipts) = (stick.file("entries"), stick.file("receipts"));
    stick.record(&commune, "2024-03-04", 20).await?;
    at_commune(&commune, "export", &entries).await?;
    assert_says(&at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?, 0, "mục mới");
    assert_says(&at_commune(&commune, "import", &receipts).await?, 0, "đã lưu đủ");
    let held = stored(&district)?;

    at_commune(&twin, "export", &entries).await?;
    assert_says(&at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?, 0, ": 0 mục mới");
    assert_says(&at_commune(&twin, "import", &receipts).await?, 3, "phục hồi từ bản sao lưu cũ");
    assert_eq!(figure(&twin, "stored_through").await?, 0);

    stick.record(&twin, "2024-05-06", 10).await?;
    at_commune(&twin, "export", &entries).await?;
    assert_says(&at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?, 3, "nội dung khác ở mục");
    assert_says(&at_commune(&twin, "import", &receipts).await?, 3, "đã bị sao chép");
    assert_says(&at_district(&district, "export", &receipts, &[]).await?, 0, "1 biên nhận");
    assert_says(&at_commune(&twin, "import", &receipts).await?, 3, "đã bị sao chép");
    assert_says(&at_commune(&commune, "import", &receipts).await?, 2, "không trả lời gói nào");
    assert_eq!(stored(&district)?, held, "the branch that came first stands");
    let aside: u64 = district.database()?.query_row("select count(*) from fork", [], |row| row.get(0))?;
    assert!(aside > 0, "the other one is kept aside");
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_comes_with_the_receipts_and_an_old_file_brings_no_old_one_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = Stick::new(folder.path())?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    stick.enrol(&commune, &district).await?;
    let (holidays, entries) = (stick.file("holidays.csv"), stick.file("entries"));
    for (version, day) in [(1, "2027-03-17"), (2, "2027-03-18")] {
        std::fs::write(&holidays, format!("date,name,kind\n{day},Nghỉ,le\n"))?;
        let reference = ["reference", "--data", text(&district.data)];
        let import = [&reference[..], &["import", "holidays", text(&holidays), "--decision", "1/TB"]].concat();
        assert_says(&said(&programs().aggregator, &import).await?, 0, "1 thay đổi vào bản nháp");
        let publish = [&reference[..], &["publish"]].concat();
        assert_says(&said(&programs().aggregator, &publish).await?, 0, &format!("phiên bản {version}"));
        let receipts = stick.file(&format!("receipts-{version}"));
        stick.record(&commune, &format!("2026-0{version}-05"), 3).await?;
        assert_says(&at_commune(&commune, "export", &entries).await?, 0, "3 hồ sơ");
        assert_says(&at_district(&district, "import", &entries, &["--out", text(&receipts)]).await?, 0, "mục mới");
        assert_says(&at_commune(&commune, "import", &receipts).await?, 0, &format!("phiên bản {version}"));
        assert_eq!(figure(&commune, "reference_version").await?, version);
    }
    assert_says(&at_commune(&commune, "import", &stick.file("receipts-2")).await?, 0, "không có gì thay đổi");
    assert_says(&at_commune(&commune, "import", &stick.file("receipts-1")).await?, 0, "giữ phiên bản 2");
    assert_eq!(figure(&commune, "reference_version").await?, 2);
    assert_says(&at_district(&district, "export", &entries, &[]).await?, 0, "kèm danh mục đang công bố");
    assert_says(&at_district(&district, "import", &entries, &[]).await?, 2, "gói của huyện gửi về xã");
    Ok(())
}
