// Proves the ground: on a plain page of a loopback address the camera shows the film, and a passkey is made and used.
import { authenticator, expect, launch, scenario } from './lib.mjs';

await scenario(async ({ url, film, screenshots }) => {
  const person = await launch({ film, screenshots });
  const { page } = person;
  await page.goto(url);
  const passkeys = await authenticator(page);

  const frame = await page.evaluate(async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    const video = document.createElement('video');
    video.srcObject = stream;
    video.muted = true;
    await video.play();
    await new Promise((shown) => video.requestVideoFrameCallback(shown));
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const pixel = (x, y) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
    const seen = { width: canvas.width, height: canvas.height, middle: pixel(320, 240), edge: pixel(10, 240) };
    stream.getTracks().forEach((track) => track.stop());
    return seen;
  });

  const passkey = await page.evaluate(async () => {
    const random = (n) => crypto.getRandomValues(new Uint8Array(n));
    const created = await navigator.credentials.create({
      publicKey: {
        challenge: random(32),
        rp: { name: 'Ground', id: 'localhost' },
        user: { id: random(16), name: 'ada', displayName: 'Ada' },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      },
    });
    const used = await navigator.credentials.get({
      publicKey: { challenge: random(32), rpId: 'localhost', userVerification: 'required' },
    });
    return { created: created.toJSON().id, used: used.toJSON().id };
  });
  const [credential] = await passkeys.credentials();
  await person.shot('ground');
  expect(person.complaints.length === 0, `no complaint, got ${person.complaints}`);
  await person.close();
  return { frame, passkey, signCount: credential.signCount };
});
