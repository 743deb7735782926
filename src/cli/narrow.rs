//! A table on a terminal that is too narrow for it: the rows one below the other, a line or more for each column.

use std::io::{self, IsTerminal};

use comfy_table::{ContentArrangement, Table};
use dialoguer::console::{Term, measure_text_width};

use super::render;

/// Narrower than this, nothing helps.
const LEAST_COLUMNS: u16 = 20;

/// Prints a table, as one where it fits.
pub(super) fn print_table(table: Table) -> io::Result<()> {
    let columns = io::stdout().is_terminal().then(|| Term::stdout().size().1);
    match columns.filter(|columns| *columns >= LEAST_COLUMNS && !fits(&table, *columns)) {
        Some(columns) => render::print(&one_below_the_other(&table, columns)),
        None => render::print_table(table),
    }
}

fn fits(table: &Table, columns: u16) -> bool {
    let lines = render::table_lines(table.clone());
    lines.iter().all(|line| measure_text_width(line.trim_end()) <= usize::from(columns))
}

fn one_below_the_other(table: &Table, columns: u16) -> String {
    let headers: Vec<String> = table
        .header()
        .into_iter()
        .flat_map(|header| header.cell_iter().map(|cell| cell.content().to_lowercase()))
        .collect();
    let mut text = String::new();
    for row in table.row_iter() {
        let mut cells = row.cell_iter().map(|cell| cell.content()).zip(&headers);
        text.extend(cells.next().map(|(name, _)| name + "\n"));
        let mut lines = Table::new();
        lines.load_style(comfy_table::presets::NOTHING);
        lines.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
        for (cell, header) in cells {
            lines.add_row([header.as_str(), &cell]);
        }
        for (column, padding) in lines.column_iter_mut().zip([(2, 2), (0, 0)]) {
            column.set_padding(padding);
        }
        lines.lines().for_each(|line| text.push_str(&format!("{}\n", line.trim_end())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_does_not_fit_each_row_has_its_columns_below_it() {
        let mut table = render::table(&["KEYSTORE", "STATE", "HOLDS", "PLACE"]);
        render::add_row(&mut table, ["os", "not usable: no program offers the Secret Service", "-", "Secret Service"]);
        render::add_row(
            &mut table,
            ["file", "usable", "2 keys, 1 device", "/home/alice/.local/share/mfavault/keystore"],
        );
        assert!(fits(&table, 120) && !fits(&table, 80));
        let at_60 = "os\n  state  not usable: no program offers the Secret Service\n  holds  -\n  place  Secret Service\nfile\n  \
                     state  usable\n  holds  2 keys, 1 device\n  place  /home/alice/.local/share/mfavault/keystore\n";
        assert_eq!(one_below_the_other(&table, 60), at_60);
        let at_40 = one_below_the_other(&table, 40);
        assert!(at_40.lines().all(|line| line.chars().count() <= 40), "{at_40}");
        assert!(
            at_40.starts_with("os\n  state  not usable: no program offers\n         the Secret Service\n"),
            "{at_40}"
        );
    }
}
