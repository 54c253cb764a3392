//! The whole pipeline on real models and real faces; both are outside the repository, and named by
//! `WHORL_MODELS` and `WHORL_SHARED`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::super::pack::{Manifest, Role};
use super::super::score::compare;
use super::*;
use crate::sample::Limits;

/// The score at a false match rate of 1e-3 on the development data.
const THRESHOLD: f64 = 0.344;

#[test]
fn the_same_person_matches_and_another_does_not() {
    let Some(stage) = Stage::new() else { return };
    let powell = stage.templates(
        "lfw_color/Colin_Powell",
        &["Colin_Powell_0001.jpg", "Colin_Powell_0003.jpg"],
    );
    let bush = stage.templates(
        "lfw_color/George_W_Bush",
        &["George_W_Bush_0006.jpg", "George_W_Bush_0007.jpg"],
    );
    assert!(compare(&powell[0], &powell[1]) > THRESHOLD);
    assert!(compare(&bush[0], &bush[1]) > THRESHOLD);
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        assert!(compare(&powell[a], &bush[b]) < THRESHOLD);
    }
    let reference = Template::mean(&powell).expect("one model");
    assert!(compare(&reference, &powell[0]) > compare(&powell[1], &powell[0]));
}

#[test]
fn tightly_cropped_portraits_compare() {
    let Some(stage) = Stage::new() else { return };
    let first = stage.templates("att/s1", &["1.pgm", "2.pgm"]);
    let other = stage.templates("att/s5", &["1.pgm"]);
    assert!(compare(&first[0], &first[1]) > THRESHOLD);
    assert!(compare(&first[0], &other[0]) < THRESHOLD);
    let seen = stage
        .pipeline
        .observe(&stage.image("att/s1/1.pgm"))
        .expect("a face");
    assert_eq!(
        seen.bona_fide, None,
        "a frame without surroundings is not judged"
    );
}

#[test]
fn a_mirror_image_is_the_same_person() {
    let Some(stage) = Stage::new() else { return };
    let image = stage.image("lfw_color/Hugo_Chavez/Hugo_Chavez_0010.jpg");
    let mirrored = map(&image, image.width, image.height, |x, y| {
        (image.width - 1 - x, y)
    });
    let (a, b) = (
        stage.pipeline.template(&image),
        stage.pipeline.template(&mirrored),
    );
    let score = compare(&a.expect("a face").template, &b.expect("a face").template);
    assert!(score > 0.85, "{score}");
}

#[test]
fn size_and_place_in_the_frame_hardly_matter() {
    let Some(stage) = Stage::new() else { return };
    let image = stage.image("lfw_color/Hugo_Chavez/Hugo_Chavez_0010.jpg");
    let large = map(&image, 500, 500, |x, y| (x / 2, y / 2));
    let framed = place(&[(&image, 40, 60)], 400, 380);
    let reference = stage.pipeline.template(&image).expect("a face").template;
    for other in [large, framed] {
        let score = compare(
            &reference,
            &stage.pipeline.template(&other).expect("a face").template,
        );
        assert!(score > 0.9, "{score}");
    }
}

#[test]
fn images_without_a_face_are_unusable_and_not_a_fault() {
    let Some(stage) = Stage::new() else { return };
    let flat = |width, height, value| RgbImage {
        width,
        height,
        pixels: vec![value; width * height * 3],
    };
    let noise = RgbImage {
        width: 200,
        height: 150,
        pixels: (0..90_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect(),
    };
    for image in [
        flat(640, 480, 0),
        flat(640, 480, 255),
        flat(1, 1, 9),
        flat(1, 3000, 90),
        noise,
    ] {
        let error = stage.pipeline.template(&image).err().expect("no face");
        assert!(matches!(error, FaceError::NoFace), "{error}");
        assert!(error.is_unusable() && error.guidance() == Some(Guidance::NoFace));
    }
    let lying = RgbImage {
        width: 64,
        height: 64,
        pixels: vec![0; 99],
    };
    for image in [flat(0, 0, 0), lying] {
        assert!(matches!(
            stage.pipeline.template(&image),
            Err(FaceError::NoPixels)
        ));
    }
}

#[test]
fn two_people_side_by_side_are_refused() {
    let Some(stage) = Stage::new() else { return };
    let left = stage.image("lfw_color/Colin_Powell/Colin_Powell_0001.jpg");
    let right = stage.image("lfw_color/George_W_Bush/George_W_Bush_0006.jpg");
    let both = place(&[(&left, 0, 0), (&right, 250, 0)], 500, 250);
    assert!(matches!(
        stage.pipeline.template(&both),
        Err(FaceError::SeveralFaces { count: 2 })
    ));
    let seen = stage
        .pipeline
        .observe(&both)
        .expect("reported, not refused");
    assert_eq!(seen.large_faces, 2);
    assert_eq!(super::super::guidance(&seen), Guidance::OnePersonOnly);
}

/// A webcam's frame with portraits in it: each enlarged, leaning by an angle, its middle at a place.
fn framed(portraits: &[(&RgbImage, f64, f64, (f64, f64))]) -> RgbImage {
    let (width, height) = (640, 480);
    let mut pixels = vec![128; width * height * 3];
    for (portrait, times, lean_deg, (x0, y0)) in portraits {
        let (sine, cosine) = lean_deg.to_radians().sin_cos();
        let (wide, high) = (portrait.width as f64, portrait.height as f64);
        for (at, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let (dx, dy) = ((at % width) as f64 - x0, (at / width) as f64 - y0);
            let x = (cosine * dx + sine * dy) / times + wide / 2.0;
            let y = (cosine * dy - sine * dx) / times + high / 2.0;
            if x >= 0.0 && y >= 0.0 && x < wide && y < high {
                let from = (y as usize * portrait.width + x as usize) * 3;
                pixel.copy_from_slice(&portrait.pixels[from..from + 3]);
            }
        }
    }
    RgbImage {
        width,
        height,
        pixels,
    }
}

/// Each pixel the mean of those so far around it.
fn blurred(image: &RgbImage, radius: usize) -> RgbImage {
    let along = |from: &[u8], step: usize, count: usize| -> Vec<u8> {
        let mean = |at: usize| {
            let place = at / step % count;
            let (first, last) = (
                place.saturating_sub(radius),
                (place + radius).min(count - 1),
            );
            let values = (first..=last).map(|p| u32::from(from[at - place * step + p * step]));
            (values.sum::<u32>() / (last - first + 1) as u32) as u8
        };
        (0..from.len()).map(mean).collect()
    };
    let across = along(&image.pixels, 3, image.width);
    RgbImage {
        pixels: along(&across, 3 * image.width, image.height),
        width: image.width,
        height: image.height,
    }
}

#[test]
fn each_guidance_follows_from_what_the_pixels_show() {
    let Some(stage) = Stage::new() else { return };
    let powell = stage.image("lfw_color/Colin_Powell/Colin_Powell_0001.jpg");
    let bush = stage.image("lfw_color/George_W_Bush/George_W_Bush_0006.jpg");
    let middle = (320.0, 240.0);
    let good = framed(&[(&powell, 1.6, 0.0, middle)]);
    let changed = |change: &dyn Fn(u8) -> f64| RgbImage {
        pixels: good.pixels.iter().map(|v| change(*v) as u8).collect(),
        width: good.width,
        height: good.height,
    };
    let cases = [
        (framed(&[]), Guidance::NoFace),
        (framed(&[(&powell, 0.5, 0.0, middle)]), Guidance::ComeCloser),
        (framed(&[(&powell, 3.4, 0.0, middle)]), Guidance::MoveBack),
        (
            framed(&[(&powell, 1.6, 0.0, (500.0, 240.0))]),
            Guidance::Centre,
        ),
        (changed(&|v| 0.2 * f64::from(v)), Guidance::TurnToLight),
        (
            changed(&|v| 255.0 - 0.22 * f64::from(255 - v)),
            Guidance::TooBright,
        ),
        (
            framed(&[(&powell, 1.6, -45.0, middle)]),
            Guidance::LookStraight,
        ),
        (blurred(&good, 6), Guidance::HoldStill),
        (
            framed(&[
                (&powell, 1.2, 0.0, (170.0, 240.0)),
                (&bush, 1.2, 0.0, (470.0, 240.0)),
            ]),
            Guidance::OnePersonOnly,
        ),
        (good, Guidance::Ready),
    ];
    for (image, expected) in cases {
        let (said, seen) = match stage.pipeline.observe(&image) {
            Ok(seen) => (super::super::guidance(&seen), Some(seen)),
            Err(error) => (error.guidance().expect("the sample's fault"), None),
        };
        assert_eq!(said, expected, "{seen:?}");
    }
}

#[test]
fn who_covers_the_eyes_or_the_mouth_is_asked_to_uncover_them() {
    let Some(stage) = Stage::new() else { return };
    let (mut plain, mut masked, mut shaded, mut usable) = (0, 0, 0, 0);
    for portrait in stage.first_images("lfw", 40) {
        let image = framed(&[(&portrait, 1.6, 0.0, (320.0, 240.0))]);
        let says = |image: &RgbImage| {
            stage
                .pipeline
                .observe(image)
                .map(|o| super::super::guidance(&o))
        };
        let Ok(Guidance::Ready | Guidance::ShowWholeFace) = says(&image) else {
            continue;
        };
        usable += 1;
        let [left, right, _, a, b] = stage.pipeline.detect(&image).expect("runs")[0].landmarks;
        let unit = left.distance(right);
        let drawn = |centres: &[Point], half: (f64, f64), lower: f64, value: u8| {
            let mut drawn = map(&image, image.width, image.height, |x, y| (x, y));
            for (at, pixel) in drawn.pixels.chunks_exact_mut(3).enumerate() {
                let (x, y) = ((at % 640) as f64, (at / 640) as f64);
                let is_in = |c: &Point| {
                    (x - c.x).abs() < half.0 * unit
                        && (-half.1 * unit..(half.1 + lower) * unit).contains(&(y - c.y))
                };
                if centres.iter().any(is_in) {
                    pixel.fill(value);
                }
            }
            says(&drawn).is_ok_and(|said| said == Guidance::ShowWholeFace)
        };
        plain += usize::from(says(&image).is_ok_and(|said| said == Guidance::ShowWholeFace));
        masked += usize::from(drawn(&[a.midpoint(b)], (0.9, 0.45), 0.45, 190));
        shaded += usize::from(drawn(&[left, right], (0.42, 0.3), 0.0, 30));
    }
    println!(
        "of {usable} portraits: covered as they are {plain}, masked {masked}, shaded {shaded}"
    );
    assert!(usable >= 20 && plain == 0, "{plain} of {usable}");
    assert!(10 * masked >= 9 * usable, "{masked} of {usable}");
    assert!(10 * shaded >= 5 * usable, "{shaded} of {usable}");
}

#[test]
fn forty_faces_in_one_image_are_found() {
    let Some(stage) = Stage::new() else { return };
    let people = stage.first_images("lfw", 40);
    let tiles: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(i, p)| (p, i % 8 * 250, i / 8 * 250))
        .collect();
    let faces = stage
        .pipeline
        .detect(&place(&tiles, 2000, 1250))
        .expect("runs");
    assert!((36..=44).contains(&faces.len()), "{} faces", faces.len());
    assert!(faces.windows(2).all(|f| f[0].rank >= f[1].rank));
}

/// What a browser sends when the line breaks: the rest is grey.
#[test]
fn a_portrait_cut_short_is_a_face_or_unusable_and_never_another_person() {
    let Some(stage) = Stage::new() else { return };
    let path = stage
        .faces
        .join("lfw_color/Colin_Powell/Colin_Powell_0001.jpg");
    let bytes = fs::read(path).expect("a file");
    let whole = RgbImage::decode(&bytes, &Limits::default()).expect("an image");
    let whole = stage.pipeline.template(&whole).expect("a face").template;
    for tenth in 0..10 {
        let cut = &bytes[..bytes.len() * tenth / 10];
        let Ok(image) = RgbImage::decode(cut, &Limits::default()) else {
            continue;
        };
        match stage.pipeline.template(&image) {
            // Half a face of his may still be found, and is nearer to him than to nobody.
            Ok(found) => assert!(compare(&found.template, &whole) > 0.0),
            Err(error) => assert!(error.is_unusable(), "{tenth}: {error}"),
        }
    }
}

#[test]
fn a_face_in_the_largest_image_that_is_accepted_is_read() {
    let Some(stage) = Stage::new() else { return };
    let small = stage.image("lfw_color/Colin_Powell/Colin_Powell_0001.jpg");
    let (width, height) = (6_000, 4_000);
    let large = map(&small, width, height, |x, y| {
        (x * small.width / width, y * small.height / height)
    });
    assert_eq!(large.pixels.len() as u64, 3 * Limits::default().pixels);
    let a = stage.pipeline.template(&small).expect("a face");
    let b = stage.pipeline.template(&large).expect("a face");
    assert!(compare(&a.template, &b.template) > THRESHOLD);
}

#[test]
fn forty_strangers_do_not_match() {
    let Some(stage) = Stage::new() else { return };
    let templates: Vec<Template> = stage
        .first_images("lfw", 40)
        .iter()
        .map(|image| {
            let faces = stage.pipeline.detect(image).expect("runs");
            stage
                .pipeline
                .template_of(image, &faces[0])
                .expect("aligns")
        })
        .collect();
    let pairs = templates
        .iter()
        .enumerate()
        .flat_map(|(i, a)| templates[..i].iter().map(move |b| (a, b)));
    let matches = pairs.filter(|(a, b)| compare(a, b) > THRESHOLD).count();
    // 780 pairs at a false match rate of 1e-3: more than five has a chance of one in a thousand.
    assert!(matches <= 5, "{matches} of 780 strangers match");
}

#[test]
fn presentation_attacks_are_told_from_a_person() {
    let Some(stage) = Stage::new() else { return };
    let judge = |path: &str| {
        let seen = stage
            .pipeline
            .observe(&stage.image(&format!("presentation_attack/{path}")));
        seen.expect("a face").bona_fide.expect("a whole frame")
    };
    assert!(judge("live/image_T1.jpg") > 0.9);
    assert!(judge("spoof/image_F1.jpg") < 0.5);
    assert!(judge("spoof/image_F2.jpg") < 0.5);
}

#[test]
fn open_eyes_have_the_aspect_of_open_eyes() {
    let Some(stage) = Stage::new() else { return };
    let image = stage.image("lfw_color/Colin_Powell/Colin_Powell_0003.jpg");
    let aspect = stage
        .pipeline
        .observe(&image)
        .expect("a face")
        .eye_aspect
        .expect("the model is loaded");
    assert!((0.2..0.4).contains(&aspect), "{aspect}");
}

#[test]
fn threads_share_a_pipeline_and_agree() {
    let Some(stage) = Stage::new() else { return };
    let image = stage.image("lfw_color/Colin_Powell/Colin_Powell_0001.jpg");
    let values = || {
        stage
            .pipeline
            .template(&image)
            .expect("a face")
            .template
            .values()
            .to_vec()
    };
    let alone = values();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(values)).collect();
        for thread in threads {
            assert_eq!(thread.join().expect("no panic"), alone);
        }
    });
}

#[test]
fn a_model_in_the_wrong_role_is_refused_at_load() {
    let Some(models) = models() else { return };
    let wrong = ModelBytes {
        detector: &models[1],
        ..bytes(&models)
    };
    assert!(FacePipeline::load(wrong).is_err());
    let wrong = ModelBytes {
        embedder: &models[4],
        ..bytes(&models)
    };
    assert!(matches!(
        FacePipeline::load(wrong),
        Err(OnnxError::Contract {
            role: "embedder",
            ..
        })
    ));
    let cut = ModelBytes {
        detector: &models[0][..models[0].len() / 2],
        ..bytes(&models)
    };
    assert!(FacePipeline::load(cut).is_err());
}

struct Stage {
    pipeline: &'static FacePipeline,
    faces: PathBuf,
}

impl Stage {
    /// `None`, said plainly, where models or images are missing.
    fn new() -> Option<Self> {
        static PIPELINE: OnceLock<Option<FacePipeline>> = OnceLock::new();
        let faces = folder("WHORL_SHARED")?.join("data/faces");
        let pipeline = PIPELINE.get_or_init(|| {
            let models = models()?;
            Some(FacePipeline::load(bytes(&models)).expect("the pack loads"))
        });
        Some(Self {
            pipeline: pipeline.as_ref()?,
            faces,
        })
    }

    fn image(&self, path: &str) -> RgbImage {
        read(&self.faces.join(path))
    }

    fn templates(&self, folder: &str, names: &[&str]) -> Vec<Template> {
        let extract = |name: &&str| {
            self.pipeline
                .template(&self.image(&format!("{folder}/{name}")))
        };
        names
            .iter()
            .map(|n| extract(n).expect("a usable face").template)
            .collect()
    }

    /// The first image of each of the first people of a set.
    fn first_images(&self, set: &str, count: usize) -> Vec<RgbImage> {
        let sorted = |folder: &Path| {
            let list = fs::read_dir(folder).expect("the set is there");
            let mut paths: Vec<PathBuf> = list.map(|e| e.expect("lists").path()).collect();
            paths.sort();
            paths
        };
        sorted(&self.faces.join(set))
            .iter()
            .take(count)
            .map(|p| read(&sorted(p)[0]))
            .collect()
    }
}

fn read(path: &Path) -> RgbImage {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    RgbImage::decode(&bytes, &Limits::default()).expect("an image")
}

/// Detector, embedder, the two attack models, landmarks.
fn models() -> Option<[Vec<u8>; 5]> {
    let folder = folder("WHORL_MODELS")?;
    let manifest = Manifest::builtin();
    let roles = [
        Role::Detector,
        Role::Embedder,
        Role::PresentationAttackNear,
        Role::PresentationAttackFar,
        Role::Landmarks,
    ];
    Some(roles.map(|role| {
        let model = manifest.model(role).expect("the pack has the role");
        let bytes = fs::read(folder.join(&model.file)).expect("the model is in the folder");
        assert_eq!(bytes.len() as u64, model.bytes, "{}", model.file);
        bytes
    }))
}

fn bytes(models: &[Vec<u8>; 5]) -> ModelBytes<'_> {
    ModelBytes {
        detector: &models[0],
        embedder: &models[1],
        pad: Some((&models[2], &models[3])),
        landmarks: Some(&models[4]),
        embedder_name: "test-1".to_owned(),
    }
}

fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        assert!(
            std::env::var_os("WHORL_TEST_ALL").is_none_or(|v| v != "1"),
            "{variable} is not set"
        );
        println!("skipped: {variable} is not set");
    }
    folder
}

/// An image whose pixels come from elsewhere in another.
fn map(
    image: &RgbImage,
    width: usize,
    height: usize,
    from: impl Fn(usize, usize) -> (usize, usize),
) -> RgbImage {
    let mut pixels = Vec::with_capacity(width * height * 3);
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        let (x, y) = from(x, y);
        let at = (y * image.width + x) * 3;
        pixels.extend_from_slice(&image.pixels[at..at + 3]);
    }
    RgbImage {
        width,
        height,
        pixels,
    }
}

/// Images side by side on grey.
fn place(tiles: &[(&RgbImage, usize, usize)], width: usize, height: usize) -> RgbImage {
    let mut pixels = vec![128; width * height * 3];
    for (image, left, top) in tiles {
        for (row, line) in image.pixels.chunks_exact(image.width * 3).enumerate() {
            let at = ((top + row) * width + left) * 3;
            pixels[at..at + line.len()].copy_from_slice(line);
        }
    }
    RgbImage {
        width,
        height,
        pixels,
    }
}
