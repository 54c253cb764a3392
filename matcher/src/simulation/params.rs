//! Every number that the simulation chose, and why.
//!
//! Lengths are millimetres, times seconds, angles degrees. Ranges are drawn from evenly, a draw a session.

/// Width and height of a frame, pixels: what a webcam gives when nobody asks for more.
pub const FRAME: (usize, usize) = (640, 480);
/// Focal length, pixels: 63 degrees across, an ordinary webcam.
pub const FOCAL_PX: f32 = 520.0;

// The head.

/// Between the pupils, the mean of adults (Dodgson 2004).
pub const PUPILS_MM: f32 = 63.0;
/// From the camera to the eyes of somebody who sits at a screen and was told to come closer.
pub const DISTANCE_MM: (f32, f32) = (430.0, 520.0);
/// The axis that a head turns about, behind the eyes and below them: the top of the neck.
pub const PIVOT_MM: (f32, f32) = (90.0, 40.0);
/// From the eyes back to the trunk and what is drawn with it.
pub const TRUNK_MM: f32 = 60.0;
/// The head's outline about the middle between the eyes: half its width, hair included.
pub const HEAD_HALF_WIDTH_MM: f32 = 86.0;
/// The crown above the eyes.
pub const CROWN_MM: f32 = 128.0;
/// Soft edge of the head's outline.
pub const OUTLINE_SOFT_MM: f32 = 7.0;

/// Depth of each of the 68 points before the plane of the eyes. From common measurements of adult heads:
/// nose tip 30, corners of the mouth 8 (as in the pose's five points), chin 2, the jaw back to the ears.
pub const DEPTHS_MM: [f32; 68] = [
    -82.0, -80.0, -75.0, -66.0, -52.0, -36.0, -20.0, -6.0, 0.0, -6.0, -20.0, -36.0, -52.0, -66.0,
    -75.0, -80.0, -82.0, // jaw
    -15.0, -3.0, 5.0, 9.0, 11.0, 11.0, 9.0, 5.0, -3.0, -15.0, // brows
    8.0, 15.0, 23.0, 30.0, 12.0, 17.0, 20.0, 17.0, 12.0, // nose
    -9.0, -1.0, 1.0, -2.0, 0.0, -2.0, -2.0, 1.0, -1.0, -9.0, -2.0, 0.0, // eyes
    8.0, 15.0, 19.0, 19.0, 19.0, 15.0, 8.0, 14.0, 17.0, 18.0, 17.0, 14.0, // lips, outside
    9.0, 17.0, 18.0, 17.0, 9.0, 16.0, 17.0, 16.0, // lips, inside
];
/// Where the 68 points do not reach: x, y and depth of forehead, skull and neck; the neck's y is below the chin.
pub const SKULL_MM: [[f32; 3]; 13] = [
    [0.0, -48.0, 7.0],
    [-38.0, -45.0, -7.0],
    [38.0, -45.0, -7.0],
    [0.0, -80.0, -14.0],
    [-70.0, -40.0, -62.0],
    [70.0, -40.0, -62.0],
    [-86.0, -20.0, -95.0],
    [86.0, -20.0, -95.0],
    [-50.0, -95.0, -70.0],
    [50.0, -95.0, -70.0],
    [0.0, -125.0, -80.0],
    [-84.0, -70.0, -100.0],
    [84.0, -70.0, -100.0],
];
/// As [`SKULL_MM`], y from the chin down.
pub const NECK_MM: [[f32; 3]; 5] = [
    [0.0, 28.0, -42.0],
    [-40.0, 30.0, -62.0],
    [40.0, 30.0, -62.0],
    [-50.0, 75.0, -60.0],
    [50.0, 75.0, -60.0],
];
/// The neck lets go of the head over this length below the chin.
pub const NECK_LENGTH_MM: f32 = 62.0;
/// Stiffness of the depth surface: how far it may pass a control point by.
pub const SURFACE_SLACK: f32 = 8.0;
/// Distance of the mesh's vertices.
pub const MESH_STEP_MM: f32 = 5.0;

// What a person does. Reaction times to a sudden sign: 0.25 s simple, 0.6 s with a choice (Welford 1980).

/// From a sign on the screen to the movement.
pub const REACTION_S: (f32, f32) = (0.25, 0.6);
/// Turning to a side.
pub const TURN_DEG: (f32, f32) = (22.0, 34.0);
/// Looking up.
pub const LOOK_UP_DEG: (f32, f32) = (15.0, 25.0);
/// Following a dot, across and up or down.
pub const FOLLOW_DEG: ((f32, f32), (f32, f32)) = ((13.0, 21.0), (9.0, 15.0));
/// A movement of the head from rest to its end.
pub const MOVE_S: (f32, f32) = (0.35, 0.6);
/// How long the end is held.
pub const HOLD_S: (f32, f32) = (0.15, 0.4);
/// Asked to shut the eyes for a second: closing, shut, opening. Nobody counts it out.
pub const ASKED_BLINK_S: [(f32, f32); 3] = [(0.08, 0.14), (0.45, 1.0), (0.12, 0.2)];
/// Blinking unasked (Caffier, Erdmann and Ullsperger 2003).
pub const BLINK_S: [(f32, f32); 3] = [(0.06, 0.09), (0.02, 0.06), (0.1, 0.16)];
/// Between two of them.
pub const BETWEEN_BLINKS_S: (f32, f32) = (2.0, 6.0);
/// Asked and not yet understood: after this a person does it again.
pub const AGAIN_S: (f32, f32) = (1.8, 2.6);
/// Sway of the sitting person, and of the head's direction.
pub const SWAY_MM: f32 = 3.0;
/// As [`SWAY_MM`].
pub const SWAY_DEG: f32 = 1.1;

// Light. A screen of 250 cd/m2 and 0.06 m2 gives 60 lux at half a metre; a room has 80 to 400.

/// What the white screen adds to the room's light at the face, as a share of the room's.
pub const SCREEN_SHARE: (f32, f32) = (0.18, 0.6);
/// The page as it usually is, sRGB.
pub const PAGE: [u8; 3] = [245, 246, 248];
/// What of it reaches what is behind the person.
pub const BACKGROUND_SHARE: f32 = 0.06;
/// The middle of the screen, below the camera.
pub const SCREEN_BELOW_MM: f32 = 110.0;
/// Mirror-like share of skin, and how narrow its lobe is.
pub const SKIN_GLOSS: (f32, f32) = (0.05, 20.0);
/// Mirror-like share of the cornea (2.5 %) over the screen's luminance, which is about ten times that of
/// skin under its light.
pub const CORNEA_GLOSS: f32 = 0.25;
/// Half the width of the screen's image in the cornea.
pub const CORNEA_MM: f32 = 1.3;
/// From the page's change to the frame that shows it, beyond what the transport takes.
pub const LATENCY_S: (f32, f32) = (0.05, 0.14);

// The camera.

/// Mean of a well exposed frame, linear.
pub const EXPOSURE: (f32, f32) = (0.17, 0.24);
/// How much more the middle counts than the edge where light is metered, as webcams do.
pub const METER_MIDDLE: f32 = 6.0;
/// Share of the way to the right exposure that one frame goes.
pub const EXPOSURE_STEP: f32 = 0.06;
/// Noise in the dark and of the light, deviations in linear units.
pub const NOISE: ((f32, f32), (f32, f32)) = ((0.0015, 0.004), (0.012, 0.03));
/// Weight of each neighbour in the lens's blur.
pub const BLUR: (f32, f32) = (0.06, 0.18);
/// JPEG quality of the camera's stream.
pub const JPEG_QUALITY: (f32, f32) = (78.0, 93.0);

// What is held before the camera.

/// Cells of a panel's mesh, each way.
pub const PANEL_CELLS: usize = 16;
/// Half the width and height of the page's screen: a laptop's of 14 inches.
pub const SCREEN_HALF_MM: (f32, f32) = (155.0, 90.0);
/// Luminance of the page's screen over that of a white wall that it alone lights, half a metre away:
/// pi d^2 over its area.
pub const SHOWN_LIGHT: f32 = 14.0;
/// A print's width: A5 to A3.
pub const PRINT_WIDTH_MM: (f32, f32) = (148.0, 297.0);
/// A tablet's to a small monitor's.
pub const SCREEN_WIDTH_MM: (f32, f32) = (150.0, 340.0);
/// Height of the victim's picture that is shown.
pub const CROP: (f32, f32) = (0.62, 0.94);
/// Height of the face in the frame that the attacker aims at.
pub const FACE_SHARE: (f32, f32) = (0.34, 0.5);
/// Reflectance of print's black and white.
pub const PAPER: (f32, f32) = (0.025, 0.86);
/// Mirror-like reflectance of paper, from matt to glossy, and of glass (Fresnel, two faces).
pub const GLOSSY_PAPER: (f32, f32) = (0.002, 0.03);
/// As [`GLOSSY_PAPER`].
pub const GLASS: f32 = 0.05;
/// A screen's white over a white wall in the same room.
pub const SCREEN_LUMINANCE: (f32, f32) = (0.8, 2.2);
/// 96 to 260 pixels an inch.
pub const PIXEL_PITCH_MM: (f32, f32) = (0.098, 0.265);
/// What is left of the pixels' grid after the camera's own pixel has averaged over it.
pub const MOIRE: (f32, f32) = (0.01, 0.07);
/// A bent print: one over its radius, and how far that comes and goes, 1/mm.
pub const WAVE: ((f32, f32), (f32, f32)) = ((0.004, 0.009), (0.001, 0.003));
/// A hand sways this many times as far as a sitting head, and leans as much more.
pub const HAND_MM: f32 = 1.4;
/// As [`HAND_MM`].
pub const HAND_DEG: f32 = 2.0;
/// A mask of paper: half its width, top and bottom from the eyes, one over the radius of its bend.
pub const MASK_MM: (f32, f32, f32) = (96.0, -128.0, 150.0);
/// As [`MASK_MM`].
pub const MASK_BEND: f32 = 0.006;
/// The holes go this far beyond the opening of the eye.
pub const HOLE_MM: f32 = 4.0;
/// How much of the screen's colour software mixes into a still.
pub const TINT: (f32, f32) = (0.15, 0.4);
