//! Tables of many rows as columns of numbers: small, and quick to read. Times stand as differences to the row
//! before.

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The numbers in a row's text.
type Numbers = Vec<u64>;

/// How an arrow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Arrived = 0,
    /// Lost on the way.
    Lost = 1,
    /// Nothing is known of an arrival.
    Open = 2,
    /// It arrived once more.
    Again = 3,
    /// It arrived with a flipped bit.
    Corrupted = 4,
}

/// Something that went from one lane to another.
#[derive(Debug, Default)]
pub(super) struct Arrows {
    rows: Vec<Arrow>,
}

#[derive(Clone, Debug, PartialEq)]
struct Arrow {
    sent: u64,
    ended: u64,
    from: usize,
    to: Option<usize>,
    kind: usize,
    end: End,
    text: usize,
    numbers: Numbers,
}

/// Something that happened at a lane.
#[derive(Debug, Default)]
pub(super) struct Marks {
    rows: Vec<Mark>,
}

#[derive(Clone, Debug, PartialEq)]
struct Mark {
    at: u64,
    lane: usize,
    kind: usize,
    text: usize,
    numbers: Numbers,
}

/// Something that lasted at a lane.
#[derive(Debug, Default)]
pub(super) struct Spans {
    rows: Vec<Span>,
}

#[derive(Clone, Debug, PartialEq)]
struct Span {
    from: u64,
    to: u64,
    lane: usize,
    kind: usize,
    text: usize,
    numbers: Numbers,
}

impl Arrows {
    /// Adds a row; `text` puts its numbers where it is told and gives the template.
    pub(super) fn push(
        &mut self,
        (sent, ended): (u64, u64),
        (from, to): (usize, Option<usize>),
        kind: usize,
        end: End,
        text: impl FnOnce(&mut Numbers) -> usize,
    ) {
        let mut numbers = Vec::new();
        let text = text(&mut numbers);
        self.rows.push(Arrow { sent, ended: ended.max(sent), from, to, kind, end, text, numbers });
    }

    /// Orders rows by time of sending; of the same time, as they were added.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| row.sent);
    }
}

impl Marks {
    /// Adds a row.
    pub(super) fn push(
        &mut self,
        at: u64,
        lane: usize,
        kind: usize,
        text: impl FnOnce(&mut Numbers) -> usize,
    ) {
        let mut numbers = Vec::new();
        let text = text(&mut numbers);
        self.rows.push(Mark { at, lane, kind, text, numbers });
    }

    /// Orders rows by time.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| row.at);
    }
}

impl Spans {
    /// Adds a row.
    pub(super) fn push(
        &mut self,
        (from, to): (u64, u64),
        lane: usize,
        kind: usize,
        text: impl FnOnce(&mut Numbers) -> usize,
    ) {
        let mut numbers = Vec::new();
        let text = text(&mut numbers);
        self.rows.push(Span { from, to: to.max(from), lane, kind, text, numbers });
    }

    /// Orders rows by their beginning.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| row.from);
    }
}

fn column<R, N>(rows: &[R], value: impl Fn(&R) -> N) -> Vec<N> {
    rows.iter().map(value).collect()
}

/// Each number less the one before it.
fn steps<R>(rows: &[R], value: impl Fn(&R) -> u64) -> Vec<u64> {
    let mut before = 0;
    rows.iter()
        .map(|row| {
            let now = value(row);
            let step = now.saturating_sub(before);
            before = now;
            step
        })
        .collect()
}

fn numbers<R>(rows: &[R], value: impl Fn(&R) -> &Numbers) -> Vec<u64> {
    rows.iter().flat_map(|row| value(row).iter().copied()).collect()
}

impl Serialize for Arrows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = &self.rows;
        let mut table = serializer.serialize_struct("Arrows", 8)?;
        table.serialize_field("at", &steps(rows, |row| row.sent))?;
        table.serialize_field("lasts", &column(rows, |row| row.ended - row.sent))?;
        table.serialize_field("from", &column(rows, |row| row.from))?;
        // -1 where nobody knows where to.
        table.serialize_field("to", &column(rows, |row| row.to.map_or(-1, |to| to as i64)))?;
        table.serialize_field("kind", &column(rows, |row| row.kind))?;
        table.serialize_field("end", &column(rows, |row| row.end as u8))?;
        table.serialize_field("text", &column(rows, |row| row.text))?;
        table.serialize_field("numbers", &numbers(rows, |row| &row.numbers))?;
        table.end()
    }
}

impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = &self.rows;
        let mut table = serializer.serialize_struct("Marks", 5)?;
        table.serialize_field("at", &steps(rows, |row| row.at))?;
        table.serialize_field("from", &column(rows, |row| row.lane))?;
        table.serialize_field("kind", &column(rows, |row| row.kind))?;
        table.serialize_field("text", &column(rows, |row| row.text))?;
        table.serialize_field("numbers", &numbers(rows, |row| &row.numbers))?;
        table.end()
    }
}

impl Serialize for Spans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = &self.rows;
        let mut table = serializer.serialize_struct("Spans", 6)?;
        table.serialize_field("at", &steps(rows, |row| row.from))?;
        table.serialize_field("lasts", &column(rows, |row| row.to - row.from))?;
        table.serialize_field("from", &column(rows, |row| row.lane))?;
        table.serialize_field("kind", &column(rows, |row| row.kind))?;
        table.serialize_field("text", &column(rows, |row| row.text))?;
        table.serialize_field("numbers", &numbers(rows, |row| &row.numbers))?;
        table.end()
    }
}
