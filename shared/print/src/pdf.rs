//! Pages drawn as PDF.
//!
//! Promise: letters stay text that can be searched and read aloud. Start at [`write`].

use anyhow::Context;
use krilla::Document as Pdf;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::{LineCap, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::TextDirection;
use motcua_shared::document::Document;

use crate::flow::{Item, pages};
use crate::fonts::Fonts;

/// The bytes of a PDF file.
pub fn write(fonts: &Fonts, document: Document) -> anyhow::Result<Vec<u8>> {
    let mut pdf = Pdf::new();
    pdf.set_metadata(Metadata::new().title(document.title.clone()).language("vi-VN".to_owned()).creator("Một Cửa".to_owned()));
    for page in pages(fonts, document) {
        let settings = PageSettings::from_wh(page.width, page.height).context("a page without size")?;
        let mut sheet = pdf.start_page_with(settings);
        let mut surface = sheet.surface();
        for item in &page.items {
            draw(&mut surface, fonts, item);
        }
        surface.finish();
        sheet.finish();
    }
    pdf.finish().map_err(|error| anyhow::anyhow!("PDF: {error:?}"))
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, item: &Item) {
    match item {
        Item::Text { x, y, face, size, text } => {
            let font = fonts.face(*face).clone();
            surface.draw_text(Point::from_xy(*x, *y), font, *size, text, false, TextDirection::LeftToRight);
        }
        Item::Box { x, y, width, height } => {
            let mut path = PathBuilder::new();
            path.push_rect_opt(*x, *y, *width, *height);
            if let Some(path) = path.finish() {
                surface.set_stroke(None);
                surface.draw_path(&path);
            }
        }
        Item::Mark { x, y, boxes } => {
            let mut path = PathBuilder::new();
            for [left, top, width, height] in boxes {
                path.push_rect_opt(x + left, y + top, *width, *height);
            }
            if let Some(path) = path.finish() {
                surface.set_stroke(None);
                surface.draw_path(&path);
            }
        }
        Item::Line { x, y, points } => {
            let mut path = PathBuilder::new();
            let mut places = points.iter();
            if let Some([right, down]) = places.next() {
                path.move_to(x + right, y + down);
            }
            for [right, down] in places {
                path.line_to(x + right, y + down);
            }
            if let Some(path) = path.finish() {
                surface.set_stroke(Some(Stroke { width: 0.9, ..Stroke::default() }));
                surface.draw_path(&path);
                surface.set_stroke(None);
            }
        }
        Item::Dots { x, y, to } => {
            let mut path = PathBuilder::new();
            path.move_to(*x, *y);
            path.line_to(*to, *y);
            if let Some(path) = path.finish() {
                let dash = Some(StrokeDash { array: vec![0.0, 2.5], offset: 0.0 });
                surface.set_stroke(Some(Stroke { width: 0.9, line_cap: LineCap::Round, dash, ..Stroke::default() }));
                surface.draw_path(&path);
                surface.set_stroke(None);
            }
        }
    }
}

trait PushRect {
    fn push_rect_opt(&mut self, x: f32, y: f32, width: f32, height: f32);
}

impl PushRect for PathBuilder {
    /// A rectangle of no size draws nothing.
    fn push_rect_opt(&mut self, x: f32, y: f32, width: f32, height: f32) {
        if let Some(rectangle) = Rect::from_xywh(x, y, width, height) {
            self.push_rect(rectangle);
        }
    }
}
