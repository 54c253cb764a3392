//! Isolation forest: how few cuts set a point apart from all others (Liu, Ting and Zhou, ICDM 2008).
//!
//! With an extension level above nought a cut is by a slanted plane over that many more features (Hariri, Carrasco Kind
//! and Brunner, IEEE TKDE 2019), which takes away the phantom bands that upright cuts leave between clusters.

use super::codec::{ModelError, Reader, Writer};
use super::random::Random;

/// How a forest is grown.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// Trees.
    pub trees: usize,
    /// Points of a tree, drawn without replacement.
    pub samples: usize,
    /// Features of a cut, less one; nought is the plain forest.
    pub extension: usize,
}

/// A grown forest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forest {
    /// One over the spread of each feature: slanted cuts need like scales.
    scales: Vec<f32>,
    trees: Vec<Vec<Node>>,
    /// Mean depth of an unsuccessful search among as many points as a tree has.
    usual_depth: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    /// Below the plane left, else right; both stand after this node.
    Cut {
        terms: [(u16, f32); MOST_TERMS],
        offset: f32,
        left: u16,
        right: u16,
    },
    /// The depth that is missing for so many points.
    Leaf(f32),
}

/// The most features of a cut.
const MOST_TERMS: usize = 2;
const MOST_TREES: usize = 512;
const MOST_NODES: usize = 4096;
const MOST_FEATURES: usize = 256;

impl Forest {
    /// Grows a forest over points, all of as many features.
    #[must_use]
    pub fn grow(points: &[&[f32]], growth: &Growth, random: &mut Random) -> Self {
        let features = points.first().map_or(0, |p| p.len()).min(MOST_FEATURES);
        let samples = growth.samples.min(points.len()).min(MOST_NODES / 2);
        let limit = (samples.max(2) as f32).log2().ceil() as usize;
        let scales = (0..features).map(|f| scale(points, f)).collect();
        let mut forest = Self {
            scales,
            trees: Vec::new(),
            usual_depth: missing_depth(samples).max(1e-6),
        };
        let mut order: Vec<usize> = (0..points.len()).collect();
        for _ in 0..growth.trees.min(MOST_TREES) {
            for k in 0..samples {
                let other = k + random.below(order.len() - k);
                order.swap(k, other);
            }
            let mut nodes = Vec::new();
            let mut gardener = Gardener {
                points,
                scales: &forest.scales,
                extension: growth.extension.min(MOST_TERMS - 1),
                nodes: &mut nodes,
                random,
            };
            gardener.grow(&mut order[..samples], limit);
            forest.trees.push(nodes);
        }
        forest
    }

    /// How alone a point is: near 1 is an anomaly, below 0.5 is as usual as can be.
    #[must_use]
    pub fn score(&self, point: &[f32]) -> f32 {
        if self.trees.is_empty() {
            return 0.5;
        }
        let depth: f32 = self.trees.iter().map(|t| self.depth(t, point)).sum();
        (-depth / self.trees.len() as f32 / self.usual_depth).exp2()
    }

    /// No trees.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    fn depth(&self, nodes: &[Node], point: &[f32]) -> f32 {
        let mut at = 0;
        let mut depth = 0.0;
        loop {
            match nodes.get(at) {
                Some(Node::Cut {
                    terms,
                    offset,
                    left,
                    right,
                }) => {
                    let side: f32 = terms
                        .iter()
                        .map(|(f, weight)| weight * self.scaled(point, usize::from(*f)))
                        .sum();
                    at = usize::from(if side < *offset { *left } else { *right });
                    depth += 1.0;
                }
                Some(Node::Leaf(missing)) => return depth + missing,
                None => return depth,
            }
        }
    }

    fn scaled(&self, point: &[f32], feature: usize) -> f32 {
        match (point.get(feature), self.scales.get(feature)) {
            (Some(value), Some(scale)) => value * scale,
            _ => 0.0,
        }
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.u32(self.scales.len() as u32);
        w.f32s(&self.scales);
        w.f32s(&[self.usual_depth]);
        w.u32(self.trees.len() as u32);
        for nodes in &self.trees {
            w.u32(nodes.len() as u32);
            for node in nodes {
                match node {
                    Node::Leaf(missing) => {
                        w.u8(0);
                        w.f32(*missing);
                    }
                    Node::Cut {
                        terms,
                        offset,
                        left,
                        right,
                    } => {
                        w.u8(1);
                        for (feature, weight) in terms {
                            w.u16(*feature);
                            w.f32(*weight);
                        }
                        w.f32(*offset);
                        w.u16(*left);
                        w.u16(*right);
                    }
                }
            }
        }
    }

    pub(super) fn read(r: &mut Reader) -> Result<Self, ModelError> {
        const MOST: f32 = 1e12;
        let mut forest = Self::default();
        for _ in 0..r.count("features", MOST_FEATURES, 4)? {
            forest.scales.push(r.f32("scale", 0.0, MOST)?);
        }
        forest.usual_depth = r.f32("depth", 0.0, MOST)?;
        for _ in 0..r.count("trees", MOST_TREES, 9)? {
            let count = r.count("nodes", MOST_NODES, 5)?;
            let mut nodes = Vec::with_capacity(count);
            for index in 0..count {
                nodes.push(match r.u8()? {
                    0 => Node::Leaf(r.f32("depth", 0.0, MOST)?),
                    1 => {
                        let mut terms = [(0, 0.0); MOST_TERMS];
                        for term in &mut terms {
                            *term = (r.u16()?, r.f32("weight", -MOST, MOST)?);
                        }
                        let offset = r.f32("offset", -MOST, MOST)?;
                        let (left, right) = (r.u16()?, r.u16()?);
                        // Only forward, so that every walk ends.
                        let after =
                            |child: u16| usize::from(child) > index && usize::from(child) < count;
                        if !after(left) || !after(right) {
                            return Err(ModelError::Impossible("branch"));
                        }
                        Node::Cut {
                            terms,
                            offset,
                            left,
                            right,
                        }
                    }
                    _ => return Err(ModelError::Impossible("node")),
                });
            }
            forest.trees.push(nodes);
        }
        Ok(forest)
    }
}

struct Gardener<'a> {
    points: &'a [&'a [f32]],
    scales: &'a [f32],
    extension: usize,
    nodes: &'a mut Vec<Node>,
    random: &'a mut Random,
}

impl Gardener<'_> {
    /// Grows a subtree over these points; answers its root.
    fn grow(&mut self, order: &mut [usize], limit: usize) -> u16 {
        let at = self.nodes.len();
        self.nodes.push(Node::Leaf(missing_depth(order.len())));
        if limit == 0 || order.len() < 2 {
            return at as u16;
        }
        let Some((terms, offset)) = self.cut(order) else {
            return at as u16;
        };
        let mut middle = 0;
        for k in 0..order.len() {
            if self.side(&terms, order[k]) < offset {
                order.swap(k, middle);
                middle += 1;
            }
        }
        let (below, above) = order.split_at_mut(middle);
        let left = self.grow(below, limit - 1);
        let right = self.grow(above, limit - 1);
        self.nodes[at] = Node::Cut {
            terms,
            offset,
            left,
            right,
        };
        at as u16
    }

    /// A plane through the points' range, by features that are not the same for all.
    fn cut(&mut self, order: &[usize]) -> Option<([(u16, f32); MOST_TERMS], f32)> {
        let range = |f: usize| {
            order.iter().fold((f32::MAX, f32::MIN), |(low, high), i| {
                let value = self.points[*i][f] * self.scales[f];
                (low.min(value), high.max(value))
            })
        };
        let varied: Vec<(usize, f32, f32)> = (0..self.scales.len())
            .map(|f| (f, range(f)))
            .filter(|(_, (low, high))| low < high)
            .map(|(f, (low, high))| (f, low, high))
            .collect();
        if varied.is_empty() {
            return None;
        }
        let mut terms = [(0, 0.0); MOST_TERMS];
        let mut offset = 0.0;
        for (k, term) in terms.iter_mut().take(1 + self.extension).enumerate() {
            let (feature, low, high) = varied[self.random.below(varied.len())];
            let weight = match (k, self.extension) {
                (_, 0) => 1.0,
                _ => self.random.normal() as f32,
            };
            *term = (feature as u16, weight);
            offset += weight * self.random.within(f64::from(low), f64::from(high)) as f32;
        }
        Some((terms, offset))
    }

    fn side(&self, terms: &[(u16, f32)], point: usize) -> f32 {
        let value = |f: usize| self.points[point][f] * self.scales[f];
        terms.iter().map(|(f, w)| w * value(usize::from(*f))).sum()
    }
}

fn scale(points: &[&[f32]], feature: usize) -> f32 {
    let count = points.len().max(1) as f64;
    let value = |p: &&[f32]| f64::from(p[feature]);
    let mean = points.iter().map(value).sum::<f64>() / count;
    let variance = points
        .iter()
        .map(|p| (value(p) - mean).powi(2))
        .sum::<f64>()
        / count;
    match variance > 1e-12 {
        true => (1.0 / variance.sqrt()) as f32,
        false => 1.0,
    }
}

/// Mean depth of an unsuccessful search in a binary tree of so many points (Liu et al. 2008, equation 1).
fn missing_depth(points: usize) -> f32 {
    match points {
        0 | 1 => 0.0,
        2 => 1.0,
        n => {
            let n = n as f64;
            let harmonic = (n - 1.0).ln() + 0.577_215_664_901_532_9;
            (2.0 * harmonic - 2.0 * (n - 1.0) / n) as f32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud() -> Vec<Vec<f32>> {
        let mut random = Random::new(5, 0);
        (0..600)
            .map(|_| (0..4).map(|_| random.normal() as f32).collect())
            .collect()
    }

    #[test]
    fn what_lies_apart_is_set_apart_by_both_kinds_of_cut() {
        let cloud = cloud();
        let points: Vec<&[f32]> = cloud.iter().map(Vec::as_slice).collect();
        for extension in [0, 1] {
            let growth = Growth {
                trees: 100,
                samples: 256,
                extension,
            };
            let forest = Forest::grow(&points, &growth, &mut Random::new(1, 1));
            let apart = forest.score(&[5.0, -5.0, 5.0, 5.0]);
            let within = forest.score(&[0.0; 4]);
            assert!(
                apart > 0.65 && within < 0.45,
                "{extension}: {apart} {within}"
            );
            let mut w = Writer::new(*b"TEST", 1);
            forest.write(&mut w);
            let mut r = Reader::new(&w.0, *b"TEST", 1, usize::MAX).expect("opens");
            assert_eq!(Forest::read(&mut r).expect("reads"), forest);
            r.end().expect("ends");
        }
    }

    #[test]
    fn points_that_are_all_alike_or_none_make_a_forest_that_says_nothing() {
        let growth = Growth {
            trees: 3,
            samples: 8,
            extension: 1,
        };
        let alike = vec![[1.0f32, 2.0].as_slice(); 20];
        let forest = Forest::grow(&alike, &growth, &mut Random::new(1, 1));
        assert_eq!(forest.score(&[1.0, 2.0]), forest.score(&[9.0, 9.0]));
        let none = Forest::grow(&[], &growth, &mut Random::new(1, 1));
        assert!(none.score(&[1.0]).is_finite());
        assert_eq!(Forest::default().score(&[]), 0.5);
    }
}
