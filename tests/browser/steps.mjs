// Steps that more than one script takes.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The checkout that our forms may lead to: the page's own Content-Security-Policy names it. */
export async function checkoutHost(response) {
  const policy = (await response.headerValue('content-security-policy')) ?? '';
  const [, origin] = policy.match(/form-action 'self' (\S+?)(?:;|$)/) ?? [];
  assert.ok(origin, `no checkout in ${policy}`);
  return new URL(origin).host;
}

/** The first article that asks for something. */
export async function openAskingArticle(visit) {
  await visit.go('/articles');
  const links = await visit.page.locator('main a[href^="/articles/"]').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  for (const link of new Set(links)) {
    const response = await visit.go(link);
    if (await visit.page.locator('form[action="/donations"]').count()) return { link, response };
  }
  throw new Error('no article on the first page has a giving form');
}

/** Signs in with an account that the sign-in page itself shows. */
export async function signIn(visit, role) {
  const { page } = visit;
  await visit.go('/desk/sign-in');
  const email = `${role}@demo.example`;
  const shown = (term) => page.locator('dl', { hasText: email }).locator('dd').nth(term).innerText();
  await page.fill('#email', email);
  await page.fill('#password', await shown(1));
  await visit.follow(page.locator('form[action="/desk/sign-in"] button'));
  // A code works once and for half a minute: one that was used before or has just changed is followed by the next.
  let used = '';
  for (let seconds = 0; seconds < 40 && (await page.locator('#code').count()); seconds += 1) {
    const code = await shown(2);
    if (code === used) {
      await page.waitForTimeout(1_000);
      await page.goto(page.url());
      continue;
    }
    used = code;
    await page.fill('#code', code);
    await visit.follow(page.locator('form[action="/desk/sign-in/code"] button'));
  }
  assert.equal(await page.locator('body.desk').count(), 1, `not signed in: ${await page.locator('main').innerText()}`);
}

/** A form may not be sent faster than a person reads it. */
export const READING_MS = 3_500;

/** A letter as it is read: long lines whole again, and what was packed as base64 in clear behind it. */
function unpack(letter) {
  const packed = [...letter.matchAll(/Content-Transfer-Encoding: base64\r?\n(?:\S.*\r?\n)*\r?\n([A-Za-z0-9+/=\r\n]+)/gi)];
  return [letter.replaceAll(/=\r?\n/g, ''), ...packed.map(([, text]) => Buffer.from(text, 'base64').toString())].join('\n');
}

/** What a letter to this address says of what is looked for, once such a letter is there. */
export async function letterWith(address, wanted) {
  for (let tries = 0; tries < 100; tries += 1) {
    for (const name of await readdir(process.env.MAIL_DIR)) {
      if (!name.endsWith('.eml')) continue;
      const letter = unpack(await readFile(join(process.env.MAIL_DIR, name), 'utf8'));
      const found = letter.includes(address) && letter.match(wanted);
      if (found) return found;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no letter to ${address} with ${wanted}`);
}
