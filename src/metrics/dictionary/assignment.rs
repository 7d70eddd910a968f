use crate::batch::{BatchView, check_finite};
use crate::error::{Result, reserved};

/// The assignment of rows to columns, each at most once, whose costs add up to the least.
///
/// As many pairs are made as there are rows or columns, of whichever there are fewer. Time grows with the square of the
/// smaller number times the larger: 256 × 512 take some milliseconds, 4,096 × 16,384 some minutes.
///
/// # Shapes
/// `costs`: rows (features of the view) × columns (its samples). The pairs (row, column) come in the order of the smaller
/// number's indices.
///
/// # Errors
/// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::NotFinite`](crate::Error::NotFinite), and
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for costs beyond ±10¹⁰⁰.
///
/// # Example
/// ```
/// use autoencoder::{Batch, metrics::dictionary::assignment};
/// // Two rows, three columns: the cheapest places of each row would both be in column 0.
/// let costs = Batch::from_iter([[1.0, 1.0], [2.0, 5.0], [4.0, 9.0]]);
/// assert_eq!(assignment(costs.view())?, [(0, 1), (1, 0)]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// H. Kuhn (1955), The Hungarian method for the assignment problem. D. Crouse (2016), On implementing 2D rectangular
/// assignment algorithms: shortest augmenting paths after R. Jonker and A. Volgenant (1987).
pub fn assignment(costs: BatchView<'_, f64>) -> Result<Vec<(usize, usize)>> {
    const CALL: &str = "assignment";
    check_finite(CALL, costs.features(), costs)?;
    super::require_moderate(CALL, costs)?;
    let (rows, columns) = (costs.features(), costs.samples());
    if rows > columns {
        let of_columns = least(columns, rows, costs.as_slice())?;
        return Ok(of_columns.into_iter().zip(0..).collect());
    }
    let mut by_rows: Vec<f64> = reserved("the costs of an assignment", rows * columns)?;
    for row in 0..rows {
        by_rows.extend(costs.iter().map(|column| column[row]));
    }
    Ok(least(rows, columns, &by_rows)?.into_iter().enumerate().collect())
}

/// The column of each row, of which there are no more than columns; costs are row by row.
///
/// u and v are the dual variables: cost(i, j) − uᵢ − vⱼ is never negative, and 0 where i is assigned to j.
pub(super) fn least(rows: usize, columns: usize, costs: &[f64]) -> Result<Vec<usize>> {
    const NONE: usize = usize::MAX;
    let room = |len| reserved("the rows and columns of an assignment", len);
    let (mut u, mut v, mut shortest): (Vec<f64>, Vec<f64>, Vec<f64>) =
        (room(rows)?, room(columns)?, room(columns)?);
    u.resize(rows, 0.0);
    v.resize(columns, 0.0);
    let mut row_of = vec![NONE; columns];
    let mut column_of = vec![NONE; rows];
    let mut came_from = vec![NONE; columns];
    let mut left: Vec<usize> = Vec::with_capacity(columns);
    let mut reached: Vec<usize> = Vec::with_capacity(columns);
    for start in 0..rows {
        // Dijkstra's way from this row to the nearest column that is free, by reduced costs.
        shortest.clear();
        shortest.resize(columns, f64::INFINITY);
        left.clear();
        left.extend(0..columns);
        reached.clear();
        let (mut row, mut length) = (start, 0.0);
        let sink = loop {
            let of_row = &costs[row * columns..][..columns];
            let (mut nearest, mut place) = (f64::INFINITY, 0);
            for (at, &column) in left.iter().enumerate() {
                let reduced = length + (of_row[column] - u[row] - v[column]);
                if reduced < shortest[column] {
                    shortest[column] = reduced;
                    came_from[column] = row;
                }
                // Of columns as near as each other a free one ends the search.
                let is_nearer = shortest[column] < nearest
                    || (shortest[column] == nearest && row_of[column] == NONE);
                if is_nearer {
                    (nearest, place) = (shortest[column], at);
                }
            }
            length = nearest;
            let column = left.swap_remove(place);
            reached.push(column);
            if row_of[column] == NONE {
                break column;
            }
            row = row_of[column];
        };
        u[start] += length;
        for &column in reached.iter().filter(|&&column| column != sink) {
            let gain = length - shortest[column];
            u[row_of[column]] += gain;
            v[column] -= gain;
        }
        // Along the way back each column goes to the row before it.
        let mut column = sink;
        loop {
            let row = came_from[column];
            row_of[column] = row;
            std::mem::swap(&mut column_of[row], &mut column);
            if row == start {
                break;
            }
        }
    }
    Ok(column_of)
}
