// The camera: opens it, hands out frames as JPEG, and says in a word why it cannot.

/** Why there is no camera; `panel` names the explanation on the page. */
export class CameraProblem extends Error {
  constructor(panel) {
    super(panel);
    this.panel = panel;
  }
}

/** Why this page can never open a camera, or null. */
export const impossible = () => {
  if (!globalThis.isSecureContext) return "insecure";
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.crypto?.subtle) return "unsupported";
  return null;
};

/** Opens the front camera into `video`. Throws a CameraProblem. */
export const openCamera = async (video) => {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (error) {
    throw new CameraProblem(panelFor(error));
  }
  const camera = new Camera(video, stream);
  try {
    video.srcObject = stream;
    await video.play();
  } catch {
    camera.stop();
    throw new CameraProblem("taken");
  }
  return camera;
};

class Camera {
  #video;
  #track;
  #stream;
  #canvas = document.createElement("canvas");

  constructor(video, stream) {
    this.#video = video;
    this.#stream = stream;
    [this.#track] = stream.getVideoTracks();
  }

  /** Calls back when the camera is unplugged or switched off by somebody else. */
  onLost(callback) {
    this.#track.addEventListener("ended", callback, { once: true });
  }

  /** While off, the camera delivers nothing, and most devices turn its light out. */
  set on(on) {
    this.#track.enabled = on;
  }

  stop() {
    this.freeze();
    this.#video.srcObject = null;
  }

  /** Turns the camera off and leaves its last picture in sight. */
  freeze() {
    this.#video.pause();
    for (const track of this.#stream.getTracks()) track.stop();
  }

  /**
   * The next frame, whole and unmirrored: its JPEG, when it was taken, and what `cue` said then; null where the camera
   * delivers none.
   */
  async frame(cue) {
    if (!(await this.#fresh())) return null;
    const said = { takenAt: performance.now(), cue: cue() };
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
    this.#canvas.width = Math.round(videoWidth * scale);
    this.#canvas.height = Math.round(videoHeight * scale);
    const context = this.#canvas.getContext("2d", { alpha: false });
    context.drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
    const blob = await new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return blob && { jpeg: new Uint8Array(await blob.arrayBuffer()), ...said };
  }

  // Waits for a frame that was not seen before, so that a frozen camera is not sent again and again.
  #fresh() {
    if (this.#track.muted || this.#track.readyState !== "live") return pause(STALL_MS).then(() => false);
    if (!this.#video.requestVideoFrameCallback) {
      return pause(FRAME_MS).then(() => this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA);
    }
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#video.cancelVideoFrameCallback(waiting);
        resolve(false);
      }, STALL_MS);
      const waiting = this.#video.requestVideoFrameCallback(() => {
        clearTimeout(late);
        resolve(true);
      });
    });
  }
}

const panelFor = (error) => {
  switch (error?.name) {
    case "NotAllowedError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "SecurityError":
      return "insecure";
    default:
      return "taken";
  }
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const WANTED = {
  audio: false,
  video: {
    facingMode: "user",
    width: { min: 320, ideal: 960, max: 1920 },
    height: { min: 240, ideal: 720, max: 1920 },
    frameRate: { ideal: 30 },
  },
};
// As large as the server's models need: what is larger is slower and tells no more.
const LONGEST_SIDE = 640;
const QUALITY = 0.9;
// A frame at thirty a second, and how long a camera may be silent.
const FRAME_MS = 34;
const STALL_MS = 1500;
