// Somebody who knows another person's password shows a face of their own.
import { expect, launch, scenario } from './lib.mjs';
import { face, password, settled } from './journey.mjs';

await scenario(async ({ url, username, secret, actor, screenshots }) => {
  const person = await launch({ actor, screenshots });
  const { page } = person;
  await password(person, { url, username, secret });
  await face(person, { base: '/login/', name: 'stranger' });
  await settled(page);
  const problem = page.locator('#problem');
  expect(await problem.count(), `a refusal at ${page.url()}, got ${await page.locator('main').innerText()}`);
  const said = await problem.innerText();
  expect(!/\d/.test(said), `no score is told, got ${said}`);
  await person.shot('refused');
  // The browser itself remarks on a refusal's status; a page of ours must not complain beyond that.
  const own = person.complaints.filter((text) => !text.includes('Failed to load resource'));
  expect(own.length === 0, `no complaint, got ${own}`);
  await person.close();
  return { said, at: page.url() };
});
