//! Every tuned constant of the fingerprint stages, and where it came from.
//!
//! Lengths are pixels at 500 dpi, where an adult's ridges lie 8 to 10 pixels apart; angles are radians. "Tuned" means: the best
//! pooled error rate on the four development sets of FVC2002 and FVC2004, one value for all sets.

use std::f32::consts::PI;

/// The constants of all stages.
#[derive(Debug, Clone, Default)]
pub struct Params {
    /// What samples are taken.
    pub accept: AcceptParams,
    /// Even brightness and contrast.
    pub normalise: NormaliseParams,
    /// Print or background.
    pub segment: SegmentParams,
    /// Orientation field of the normalised image.
    pub orientation: OrientationParams,
    /// Orientation field of the enhanced image.
    pub second_orientation: SecondOrientationParams,
    /// Ridge period.
    pub ridge_frequency: RidgeFrequencyParams,
    /// Contextual filter, first pass.
    pub enhance: EnhanceParams,
    /// Binary image and lines.
    pub thin: ThinParams,
    /// Minutiae from lines.
    pub minutiae: MinutiaeParams,
    /// Quality of cells and of the print.
    pub quality: QualityParams,
    /// Cylinder codes.
    pub mcc: MccParams,
    /// Pairing and relaxation.
    pub pair: PairParams,
    /// Alignment and counting.
    pub align: AlignParams,
    /// Evidence to score.
    pub score: ScoreParams,
    /// When a comparison is given up in identification.
    pub identify: IdentifyParams,
    /// Several templates of a finger.
    pub reference: ReferenceParams,
}

/// What samples are taken.
#[derive(Debug, Clone)]
pub struct AcceptParams {
    /// Resolutions that a caller may state, dots an inch: from cheap contact sensors to macro photographs.
    pub dpi_range: (f64, f64),
    /// Ridge period at 500 dpi, px: mean of adults (Handbook of Fingerprint Recognition, section 3.2).
    pub ridge_period_px: f64,
    /// An estimated scale within this factor of 1 is taken for 1: nearly all sensors have 500 dpi, and people's periods differ as much.
    pub usual_scale: f64,
    /// Images with a side below this are doubled before their ridge period is estimated, px: only coarse sensors give so few.
    pub small_side_px: usize,
    /// Least side, px at 500 dpi: four ridges.
    pub least_side_px: usize,
    /// Most pixels at 500 dpi: four fingers of a 10-print scanner.
    pub most_pixels: usize,
    /// Least area of print, px: four ridges each way.
    pub least_area_px: usize,
    /// Fewest minutiae of a template. So few prove nothing; what a print is worth is for its quality to say.
    pub least_minutiae: usize,
}

impl Default for AcceptParams {
    fn default() -> Self {
        Self {
            dpi_range: (125.0, 4_000.0),
            ridge_period_px: 9.0,
            usual_scale: 1.5,
            small_side_px: 160,
            least_side_px: 36,
            most_pixels: 3_000_000,
            least_area_px: 1_500,
            least_minutiae: 2,
        }
    }
}

/// Even brightness and contrast.
#[derive(Debug, Clone)]
pub struct NormaliseParams {
    /// Radius of the box means, cells: two boxes span about four ridges (tuned 2 to 5).
    pub radius_cells: usize,
    /// Deviation that is taken for noise, grey levels: a sensor's.
    pub least_deviation: f32,
    /// Limit of the normalised value, deviations.
    pub clip: f32,
}

impl Default for NormaliseParams {
    fn default() -> Self {
        Self {
            radius_cells: 3,
            least_deviation: 4.0,
            clip: 2.0,
        }
    }
}

/// Print or background.
#[derive(Debug, Clone)]
pub struct SegmentParams {
    /// Radius of the smoothing of the gradient magnitude, cells.
    pub smooth_cells: usize,
    /// Quantile of the gradient that is the image's typical one (GMFS).
    pub typical_share: f32,
    /// Threshold as a share of the typical gradient (GMFS 0.29, tuned here).
    pub share_of_typical: f32,
    /// Least threshold, grey levels a pixel.
    pub least_gradient: f32,
    /// Radius of the majority filter, cells.
    pub majority_cells: usize,
    /// Components smaller than this share of the largest are dropped.
    pub least_component: f32,
}

impl Default for SegmentParams {
    fn default() -> Self {
        Self {
            smooth_cells: 2,
            typical_share: 0.95,
            share_of_typical: 0.25,
            least_gradient: 2.0,
            majority_cells: 3,
            least_component: 0.2,
        }
    }
}

impl SegmentParams {
    /// For an image in which nothing stands out: a dry finger, a worn sensor.
    #[must_use]
    pub fn faint(&self) -> Self {
        Self {
            least_gradient: self.least_gradient / 4.0,
            ..self.clone()
        }
    }
}

/// Orientation field.
#[derive(Debug, Clone)]
pub struct OrientationParams {
    /// Radii of the averaging, cells, fine to coarse.
    pub scales_cells: Vec<usize>,
    /// A finer scale is not used below the first coherence, fully used above the second.
    pub coherence_range: (f32, f32),
}

impl Default for OrientationParams {
    fn default() -> Self {
        Self {
            scales_cells: vec![2, 3, 6],
            coherence_range: (0.3, 0.7),
        }
    }
}

/// Orientation field of the enhanced image.
#[derive(Debug, Clone)]
pub struct SecondOrientationParams {
    /// As of the first field; the enhanced image bears finer scales.
    pub field: OrientationParams,
}

impl Default for SecondOrientationParams {
    fn default() -> Self {
        Self {
            field: OrientationParams {
                scales_cells: vec![1, 2, 4],
                coherence_range: (0.4, 0.8),
            },
        }
    }
}

/// Ridge period.
#[derive(Debug, Clone)]
pub struct RidgeFrequencyParams {
    /// Distance of the windows, cells.
    pub step_cells: usize,
    /// Half of a window across the ridges, px (Hong, Wan and Jain: 16).
    pub across_px: usize,
    /// Half of a window along the ridges, px (Hong, Wan and Jain: 8).
    pub along_px: usize,
    /// Periods that are tried, px.
    pub range_px: (f32, f32),
    /// How many periods are tried.
    pub periods: usize,
    /// Least share of a signature's energy in its strongest period.
    pub least_share: f32,
    /// Radius of the smoothing, windows.
    pub smooth_steps: usize,
    /// Weight of the print's median period in that smoothing.
    pub prior: f32,
    /// The period of a print that shows none, px.
    pub usual_px: f32,
}

impl Default for RidgeFrequencyParams {
    fn default() -> Self {
        Self {
            step_cells: 4,
            across_px: 20,
            along_px: 8,
            range_px: (4.5, 18.0),
            periods: 24,
            least_share: 0.4,
            smooth_steps: 2,
            prior: 0.02,
            usual_px: 9.0,
        }
    }
}

impl RidgeFrequencyParams {
    /// For an image of unknown resolution: 150 to 1,200 dpi.
    #[must_use]
    pub fn any_resolution() -> Self {
        Self {
            range_px: (2.6, 24.0),
            periods: 48,
            across_px: 24,
            ..Self::default()
        }
    }
}

/// Contextual filter.
#[derive(Debug, Clone)]
pub struct EnhanceParams {
    /// Deviation of the bell along the ridge, px (Hong, Wan and Jain: 4; curved filters bear more; tuned).
    pub along_px: f32,
    /// Deviation of the bell across, ridge periods (Hong, Wan and Jain: 0.45).
    pub across_periods: f32,
}

impl Default for EnhanceParams {
    fn default() -> Self {
        Self {
            along_px: 5.0,
            across_periods: 0.45,
        }
    }
}

/// Binary image and lines.
#[derive(Debug, Clone)]
pub struct ThinParams {
    /// Components smaller than this are flipped, px: half a ridge period square (tuned).
    pub least_island_px: usize,
}

impl Default for ThinParams {
    fn default() -> Self {
        Self {
            least_island_px: 40,
        }
    }
}

/// Minutiae from lines.
#[derive(Debug, Clone)]
pub struct MinutiaeParams {
    /// Branches up to this long are spurs, px.
    pub spur_px: usize,
    /// Lines up to this long are fragments, px.
    pub fragment_px: usize,
    /// Length of line that gives the direction, px.
    pub direction_px: usize,
    /// First part of it, which is left out: the tip wanders.
    pub tip_px: usize,
    /// Shortest line that gives a direction, px.
    pub least_line_px: usize,
    /// Share of the orientation field in the direction.
    pub field_share: f32,
    /// Longest gap of a broken line, px.
    pub gap_px: f32,
    /// Ends this close are one line whatever lies between, px.
    pub touch_px: f32,
    /// Least cosine between the directions of a broken line's ends and the gap.
    pub gap_cosine: f32,
    /// Least distance to the edge of the print, px.
    pub least_depth_px: f32,
    /// Distance ahead of an end that must still be print, px.
    pub ahead_px: f32,
    /// Radius in which minutiae crowd, px.
    pub crowd_px: f32,
    /// Most others within that radius.
    pub crowd: usize,
    /// Least quality.
    pub least_quality: f32,
    /// Most minutiae of a print.
    pub most: usize,
}

impl Default for MinutiaeParams {
    fn default() -> Self {
        Self {
            spur_px: 7,
            fragment_px: 13,
            direction_px: 18,
            tip_px: 4,
            least_line_px: 8,
            field_share: 0.3,
            gap_px: 12.0,
            touch_px: 4.0,
            gap_cosine: 0.85,
            least_depth_px: 10.0,
            ahead_px: 12.0,
            crowd_px: 20.0,
            crowd: 4,
            least_quality: 0.1,
            most: 100,
        }
    }
}

/// Quality.
#[derive(Debug, Clone)]
pub struct QualityParams {
    /// Radius of the smoothing, cells.
    pub smooth_cells: usize,
    /// Response, as a share of the image's own deviation, that is worth full marks.
    pub full_response: f32,
    /// Constant term of a print's utility.
    pub bias: f32,
    /// Of the share of windows that show a ridge period.
    pub periodic: f32,
    /// Of the logarithm of one plus the minutiae.
    pub minutiae: f32,
    /// Minutiae beyond which more say nothing.
    pub most_minutiae: f32,
    /// Utility that is worth 0 and 100: what the worst and the best development prints have, and a little.
    pub utility_range: (f32, f32),
    /// Clear area below which quality falls with it, thousands of pixels: less than nearly every development print has.
    pub full_area: f32,
    /// Of unsteadiness (logarithm), flow, clarity, periodic windows (logarithm), certainty, unclear share, minutiae an area (logarithm),
    /// and the constant: what tells a print from a picture of something else.
    pub likeness: [f32; 8],
    /// Quality below which guidance is given.
    pub guided: u8,
    /// What the guidance goes by.
    pub guidance: GuidanceParams,
}

impl Default for QualityParams {
    /// Utility: logistic regression of 1,120 mated comparisons of the four development sets of FVC (both prints' measures added) on
    /// whether they match at a threshold six above that of an FMR of 0.1 %, ridge penalty 0.01. Likeness: logistic regression
    /// of those prints, Neurotechnology's and SOCOFing's against LFW and AT&T faces at four resolutions and drawn textures; its
    /// constant is such that the least like of the 3,605 development prints still counts as one. What it buys there: the FNMR at an
    /// FMR of 0.1 % falls from 3.39 to 1.27 % without the worst tenth of prints; with weights fitted on other fingers (five folds, six
    /// ways) to 1.4 to 1.6 %, a fall of 54 to 60 % (intervals from 9 to 84 %). Of 1,804 tries with photographs of faces 34 count as
    /// a print, none above quality 19. On Neurotechnology's sets it predicts nothing.
    fn default() -> Self {
        Self {
            smooth_cells: 2,
            full_response: 0.5,
            bias: -7.2,
            periodic: 7.23,
            minutiae: 1.49,
            most_minutiae: 30.0,
            utility_range: (-2.0, 5.0),
            full_area: 30.0,
            likeness: [-2.22, 15.26, 7.58, 4.53, 14.57, 12.27, 5.41, -22.97],
            guided: 65,
            guidance: GuidanceParams::default(),
        }
    }
}

/// Limits of the guidance, between development prints and the same made dry, wet, blurred and faint by image filters.
#[derive(Debug, Clone)]
pub struct GuidanceParams {
    /// A smaller print is too small, thousands of pixels: half of a small sensor's.
    pub small_area: f32,
    /// A small print is aside whose middle is farther off, half diagonals.
    pub off_centre: f32,
    /// Ridges fainter than this want pressure.
    pub faint_contrast: f32,
    /// Below it flanks are blurred.
    pub blurred_sharpness: f32,
    /// A smaller dark share is dry.
    pub dry_share: f32,
    /// A larger one is wet.
    pub wet_share: f32,
}

impl Default for GuidanceParams {
    fn default() -> Self {
        Self {
            small_area: 25.0,
            off_centre: 0.3,
            faint_contrast: 0.1,
            blurred_sharpness: 0.92,
            dry_share: 0.39,
            wet_share: 0.54,
        }
    }
}

/// Several templates of a finger.
#[derive(Debug, Clone)]
pub struct ReferenceParams {
    /// Templates up to which an update adds one rather than replacing the worst.
    pub kept: usize,
}

impl Default for ReferenceParams {
    fn default() -> Self {
        Self { kept: 3 }
    }
}

/// Cylinder codes.
#[derive(Debug, Clone)]
pub struct MccParams {
    /// Radius of the base, px (Cappelli, Ferrara and Maltoni 2010: 70).
    pub radius_px: f32,
    /// Deviation of a neighbour's place, px (same: 28/3).
    pub sigma_px: f32,
    /// Deviation of a neighbour's direction, radians (same: 2 pi / 9).
    pub sigma_angle: f32,
    /// Sum above which a bit is set, in neighbours at the same place and direction (same: 0.005 of a density, which is 0.2).
    pub least_sum: f32,
    /// Distance beyond the print that a cell may lie, px (same: 50 beyond the convex hull).
    pub margin_px: f32,
    /// Least share of the base on the print (same: 0.75).
    pub least_valid: f32,
    /// Least neighbours within the radius (same: 2).
    pub least_neighbours: usize,
    /// Least share of cells in common (same: 0.6).
    pub least_common: f32,
}

impl Default for MccParams {
    fn default() -> Self {
        Self {
            radius_px: 70.0,
            sigma_px: 28.0 / 3.0,
            sigma_angle: 2.0 * PI / 9.0,
            least_sum: 0.15,
            margin_px: 16.0,
            least_valid: 0.5,
            least_neighbours: 2,
            least_common: 0.6,
        }
    }
}

/// Pairing and relaxation.
#[derive(Debug, Clone)]
pub struct PairParams {
    /// Quality from which a minutia weighs fully.
    pub full_quality: f32,
    /// Least cosine of the turn between two prints (Cappelli, Ferrara and Maltoni 2010: 0, a right angle).
    pub least_turn_cosine: f32,
    /// Pairs that make the mean: fewest and most (same: 4 and 12).
    pub counted: (f32, f32),
    /// Minutiae at which half of the range is counted (same: 20).
    pub counted_middle: f32,
    /// Steepness of that count (same: 0.4).
    pub counted_slope: f32,
    /// Rounds of relaxation (same: 5).
    pub relax_rounds: usize,
    /// Share of its own that a pair keeps a round (same: 0.5).
    pub relax_keep: f32,
    /// Difference of turn that agrees fully, and not at all (same: a sigmoid about 15 degrees).
    pub turn_range: (f32, f32),
    /// Difference of length that agrees fully, and not at all, px (same: a sigmoid about 5).
    pub length_range_px: (f32, f32),
    /// Stretch of the skin that is free, a share of the length.
    pub stretch: f32,
}

impl Default for PairParams {
    fn default() -> Self {
        Self {
            full_quality: 0.95,
            least_turn_cosine: 0.0,
            counted: (4.0, 12.0),
            counted_middle: 20.0,
            counted_slope: 0.4,
            relax_rounds: 5,
            relax_keep: 0.5,
            turn_range: (0.1, 0.42),
            length_range_px: (1.5, 8.5),
            stretch: 0.03,
        }
    }
}

/// Alignment and counting.
#[derive(Debug, Clone)]
pub struct AlignParams {
    /// Pairs that propose a move.
    pub proposals: usize,
    /// Proposed moves that differ by less are one, px.
    pub same_move_px: f32,
    /// Pairs this close under a proposed move support it, px.
    pub support_px: f32,
    /// And whose turn has at least this cosine to its own.
    pub support_cosine: f32,
    /// Tolerances of the first meeting: px, radians.
    pub wide: (f32, f32),
    /// Tolerances of the last meeting: px, radians.
    pub narrow: (f32, f32),
    /// Distance over which the skin stretches alike, px.
    pub stretch_px: f32,
    /// Meetings added to the real ones, so that the mean of few is low.
    pub prior_meetings: f32,
    /// Longest edge between two meetings that is judged, px.
    pub edge_px: f32,
}

impl Default for AlignParams {
    fn default() -> Self {
        Self {
            proposals: 8,
            same_move_px: 4.0,
            support_px: 25.0,
            support_cosine: 0.9,
            wide: (22.0, 0.6),
            narrow: (14.0, 0.5),
            stretch_px: 50.0,
            prior_meetings: 3.0,
            edge_px: 120.0,
        }
    }
}

/// When a comparison is given up in identification.
#[derive(Debug, Clone)]
pub struct IdentifyParams {
    /// Least similarity at a glance.
    pub least_glance: f32,
    /// Least mean similarity of the pairs after relaxation.
    pub least_relaxed: f32,
}

impl Default for IdentifyParams {
    fn default() -> Self {
        Self {
            least_glance: 0.55,
            least_relaxed: 0.02,
        }
    }
}

/// Evidence to score: logistic regression on the four development sets, non-mated comparisons weighing five times mated ones.
#[derive(Debug, Clone)]
pub struct ScoreParams {
    /// Constant term.
    pub bias: f32,
    /// Of the logarithm of the relaxed similarity.
    pub relaxed: f32,
    /// Added to the relaxed similarity, so that its logarithm is bounded.
    pub relaxed_floor: f32,
    /// Of the matched share of the expected minutiae, times their closeness.
    pub share: f32,
    /// Minutiae added to the expected ones, so that few prove little.
    pub expected_prior: f32,
    /// Of the agreeing edges.
    pub edges: f32,
    /// Of the orientation agreement.
    pub orientation: f32,
    /// Agreement below which orientation says no more: chance is there already.
    pub orientation_least: f32,
}

impl Default for ScoreParams {
    fn default() -> Self {
        Self {
            bias: -1.99,
            relaxed: 3.60,
            relaxed_floor: 0.01,
            share: 23.1,
            expected_prior: 3.0,
            edges: 2.57,
            orientation: 5.49,
            orientation_least: 0.5,
        }
    }
}
