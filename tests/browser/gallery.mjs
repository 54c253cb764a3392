// Every page as its snapshot has it, by its templates and style sheets alone: held against WCAG in a narrow window.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { judge, launch, narrow, scenario } from './lib.mjs';

const kinds = { '.css': 'text/css', '.svg': 'image/svg+xml', '.js': 'text/javascript' };
const host = 'http://pages.test';

await scenario(async ({ pages, assets, axe }) => {
  const program = readFileSync(axe, 'utf8');
  const own = await launch();
  const wrong = [];
  await own.context.route(`${host}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    const name = path.basename(pathname);
    const kind = kinds[path.extname(name)];
    if (!kind) return route.fulfill({ contentType: 'text/html; charset=utf-8', body: pages[name] });
    // Scripts ask a server that is not there.
    const body = kind === 'text/javascript' ? '' : readFileSync(path.join(assets, name));
    return route.fulfill({ contentType: kind, body });
  });
  for (const name of Object.keys(pages)) {
    await own.page.goto(`${host}/${name}`);
    const styles = await own.page.evaluate(() => document.styleSheets.length);
    if (!styles) wrong.push(`${name} has no style sheet`);
    wrong.push(...(await judge(own.page, { name, axe: program, passes: narrow })));
  }
  await own.close();
  return { wrong, seen: Object.keys(pages) };
});
