//! Long lists, page by page.

use super::fault::HttpError;

/// The page asked for; without a number, the first.
pub fn page(asked: &str) -> Result<u32, HttpError> {
    let wanted = if asked.is_empty() { "1" } else { asked };
    let wrong = || HttpError::parameter("Số trang không hợp lệ.", "Hãy dùng các liên kết ở cuối danh sách.");
    wanted.parse().ok().filter(|page| (1..=100_000).contains(page)).ok_or_else(wrong)
}

/// Pages that `total` lines fill, at least one.
pub fn pages(total: i64, page: u32) -> u32 {
    u32::try_from((total + i64::from(page) - 1) / i64::from(page)).unwrap_or(u32::MAX).max(1)
}
