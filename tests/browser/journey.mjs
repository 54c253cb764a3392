// The steps of a login, as a person takes them in whatever scenario: name, password, face, passkey, consent.
import { expect } from './lib.mjs';

/** What a step can end with: a further question, a problem, or the application. */
export const ends = 'form[action$="/consent"] button[value=allow], html:not([data-old]) #problem, #landed';

/** Waits for the end of a step that takes as long as a capture may. */
export async function settled(page) {
  const end = page.locator(ends).first();
  try {
    await end.waitFor({ timeout: 75_000 });
  } catch {
    throw new Error(`no end of the step at ${page.url()}: ${(await page.locator('main').innerText()).slice(0, 600)}`);
  }
}

/** Identifies, and gives the password. */
export async function password(person, { url, username, secret }) {
  const { page } = person;
  await page.goto(url);
  await person.shot('identify');
  await page.fill('#username', username);
  await page.click('form[action$="/identify"] button');
  await page.waitForSelector('#password');
  await person.shot('password');
  await page.fill('#password', secret);
  await page.click('form[action$="/password"] button.primary');
}

/** Looks into the camera until the step is over. */
export async function face(person, { base, name }) {
  const { page } = person;
  await page.waitForSelector('[data-capture]');
  expect((await page.locator('[data-capture]').getAttribute('data-base')).startsWith(base), `a capture of ${base}`);
  await person.shot(`${name}-start`);
  // A problem of this page is none of the next.
  await page.evaluate(() => void (document.documentElement.dataset.old = ''));
  await page.click('[data-start]');
  await page.waitForSelector('[data-stage]:not([hidden])');
}

/** Looks into the camera of an enrolment until the face is taken: more than once, as people do. */
export async function enrolFace(person) {
  const { page } = person;
  for (let left = TRIES; left > 0; left -= 1) {
    await face(person, { base: '/enrol/face', name: 'enrol-face' });
    const taken = page.waitForURL((url) => url.pathname === '/enrol', { timeout: CAPTURE_MS }).then(() => true);
    const refused = page.locator('html:not([data-old]) #problem').waitFor({ timeout: CAPTURE_MS }).then(() => false);
    if (await Promise.any([taken, refused])) return;
  }
  throw new Error(`not accepted: ${await page.locator('#problem').innerText()}`);
}

/** Looks into the camera of a login until it goes on. */
export async function loginFace(person) {
  const { page } = person;
  for (let left = TRIES; left > 0; left -= 1) {
    await face(person, { base: '/login/', name: 'login-face' });
    await settled(page);
    if (!(await page.locator('#problem').count())) return;
  }
  throw new Error(`not accepted: ${await page.locator('#problem').innerText()}`);
}

/** Allows what the consent page asks, where there is one, and arrives at the application: with this address. */
export async function arrive(person) {
  const { page } = person;
  await settled(page);
  const problem = page.locator('#problem');
  if (await problem.count()) throw new Error(`refused at ${page.url()}: ${await problem.innerText()}`);
  const allow = page.locator('form[action$="/consent"] button[value=allow]');
  if (await allow.count()) {
    await person.shot('consent');
    await allow.click();
  }
  await page.waitForSelector('#landed');
  return page.url();
}

/** Opens an invitation, agrees to biometrics, and comes to the camera. */
export async function atTheCamera(person, invitation) {
  const { page } = person;
  await page.goto(invitation);
  await page.click('form[action="/enrol/begin"] button');
  await page.waitForURL((url) => url.pathname === '/enrol');
  await page.goto(new URL('/enrol/consent', invitation).href);
  await page.click('button[value=grant]');
  await page.waitForURL((url) => url.pathname !== '/enrol/consent' || url.search !== '');
  await page.goto(new URL('/enrol/face', invitation).href);
  await page.waitForSelector('[data-capture]');
}

/** Captures that somebody makes before giving up, and how long one may take. */
const TRIES = 4;
const CAPTURE_MS = 100_000;
