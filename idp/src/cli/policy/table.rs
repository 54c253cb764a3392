//! Columns of text, each as wide as its widest cell.

/// The rows under their heads; the last column is as long as it is.
pub(super) fn columns(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.chars().count());
        widths
            .chain([heads[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: &[String]| {
        let mut out = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            out += &format!("{cell:<width$}  ");
        }
        format!("{}\n", out.trim_end())
    };
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    line(&heads) + &body
}
