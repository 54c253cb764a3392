//! A smooth surface through points: the thin-plate spline (Duchon 1977), smoothed.

/// z over x and y.
pub(super) struct Surface {
    controls: Vec<[f64; 2]>,
    weights: Vec<f64>,
    plane: [f64; 3],
}

impl Surface {
    /// The surface near `controls` (x, y, z); `slack` lets it pass them by. `None` when they lie on one line.
    pub(super) fn through(controls: &[[f32; 3]], slack: f32) -> Option<Self> {
        let n = controls.len();
        let size = n + 3;
        let places: Vec<[f64; 2]> = controls
            .iter()
            .map(|c| [f64::from(c[0]), f64::from(c[1])])
            .collect();
        let mut rows = vec![vec![0.0; size + 1]; size];
        for i in 0..n {
            for j in 0..n {
                rows[i][j] = kernel(places[i], places[j]);
            }
            rows[i][i] += f64::from(slack) * SLACK_UNIT;
            for (k, value) in [1.0, places[i][0], places[i][1]].into_iter().enumerate() {
                rows[i][n + k] = value;
                rows[n + k][i] = value;
            }
            rows[i][size] = f64::from(controls[i][2]);
        }
        let solution = solve(rows)?;
        Some(Self {
            controls: places,
            weights: solution[..n].to_vec(),
            plane: [solution[n], solution[n + 1], solution[n + 2]],
        })
    }

    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let place = [f64::from(x), f64::from(y)];
        let bent: f64 = self
            .controls
            .iter()
            .zip(&self.weights)
            .map(|(c, w)| w * kernel(*c, place))
            .sum();
        (bent + self.plane[0] + self.plane[1] * place[0] + self.plane[2] * place[1]) as f32
    }
}

/// r squared times its logarithm.
fn kernel(a: [f64; 2], b: [f64; 2]) -> f64 {
    let square = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
    if square > 0.0 {
        0.5 * square * square.ln()
    } else {
        0.0
    }
}

/// Gauss and Jordan with pivoting; the last column is the right-hand side.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = rows.len();
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        if rows[pivot][column].abs() < 1e-9 {
            return None;
        }
        rows.swap(column, pivot);
        let top = rows[column].clone();
        for (i, row) in rows.iter_mut().enumerate() {
            let share = row[column] / top[column];
            if i != column && share != 0.0 {
                for (value, above) in row.iter_mut().zip(&top).skip(column) {
                    *value -= share * above;
                }
            }
        }
    }
    Some(
        rows.iter()
            .enumerate()
            .map(|(i, row)| row[size] / row[i])
            .collect(),
    )
}

/// Makes slack about square millimetres.
const SLACK_UNIT: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surface_goes_through_its_points() {
        let controls = [
            [0.0, 0.0, 5.0],
            [30.0, 0.0, -4.0],
            [0.0, 40.0, 9.0],
            [30.0, 40.0, 1.0],
            [12.0, 21.0, 30.0],
        ];
        let surface = Surface::through(&controls, 0.0).expect("not on one line");
        for [x, y, z] in controls {
            assert!((surface.at(x, y) - z).abs() < 1e-2);
        }
    }

    #[test]
    fn points_on_a_line_make_no_surface() {
        let line: Vec<[f32; 3]> = (0..5).map(|i| [i as f32, 2.0 * i as f32, 1.0]).collect();
        assert!(Surface::through(&line, 1.0).is_none());
    }
}
