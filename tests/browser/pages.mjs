// Every page that readers, supporters and staff see, in each language: accessible, no wider than a small screen,
// silent towards other hosts. Leaves pictures of each for people to look at.
import assert from 'node:assert/strict';
import { READING_MS, checkoutHost, letterWith, openAskingArticle, signIn } from './steps.mjs';
import { DESKTOP, Watched, openBrowser } from './watched.mjs';

const base = new URL(process.env.BASE_URL);
const LANGUAGES = [['en', 'ltr'], ['fa-AF', 'rtl'], ['ps', 'rtl']];

/** The first link on a page that leads to one of its things. */
async function firstLink(visit, list) {
  await visit.go(list);
  const links = await visit.page.locator(`main a[href^="${list}/"]`).evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  const things = links.filter((link) => link.split('/').length === 3);
  assert.ok(things.length > 0, `${list} leads nowhere`);
  return things[0];
}

/** The links below an address on the page that is shown: of those that differ only in what they are about, the first. */
async function linksBelow(visit, prefix) {
  const all = await visit.page.locator(`main a[href^="${prefix}"]:not([download])`).evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  const shapes = new Map();
  for (const link of all.map((href) => href.split('#')[0])) {
    const shape = link.split('?')[0].replaceAll(/\/(\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=\/|$)/g, '/…');
    if (!shapes.has(shape) && !/\.(csv|json|jsonl|pdf|xlsx|xml|png)$/.test(shape)) shapes.set(shape, link);
  }
  return shapes;
}

async function speak(visit, language) {
  await visit.page.goto(`${base.origin}/language/${language}?next=/`);
}

/** An article in the reader's own language, which asks for something if any does. */
async function articleIn(visit, language) {
  await visit.go('/articles');
  const own = visit.page.locator(`main [lang="${language}"] a[href^="/articles/"], main a[lang="${language}"][href^="/articles/"]`);
  if (await own.count()) return own.first().getAttribute('href');
  return (await openAskingArticle(visit)).link;
}

async function readEverything(browser, [language, direction]) {
  const visit = await Watched.open(browser, { script: true, hosts: [base.host] });
  await speak(visit, language);
  const { response } = await openAskingArticle(visit);
  visit.hosts.add(await checkoutHost(response));
  const pages = {
    home: '/', articles: '/articles', article: await articleIn(visit, language), campaigns: '/campaigns',
    campaign: await firstLink(visit, '/campaigns'), 'wish-list': '/wish-list', item: await firstLink(visit, '/wish-list'),
    updates: '/updates', update: await firstLink(visit, '/updates'), donate: '/donate', genuine: '/genuine', 'receipt-check': '/receipts/check',
  };
  for (const name of ['article', 'campaign']) pages[`embed-${name}`] = `/embed${pages[name]}?lang=${language}`;
  for (const [name, path] of Object.entries(pages)) {
    const bytes = await visit.visit(path);
    console.log(`${language} ${path}: ${bytes} bytes`);
    assert.equal(await visit.page.locator('html').getAttribute('dir'), direction, `${path} in ${language}`);
    await visit.judge(`${language}-${name}`);
  }
  await visit.page.goto(`${base.origin}/no-such-page`);
  await visit.judge(`${language}-not-found`);
  visit.faults = visit.faults.filter((fault) => !fault.includes('/no-such-page complained'));
  await showMistakes(visit, language);
  return visit.close();
}

/** A supporter's own pages: opened by the link in a letter, each looked at, nothing changed. */
async function comeHome(browser, [language, direction], email) {
  const visit = await Watched.open(browser, { script: true, hosts: [base.host] });
  await speak(visit, language);
  await visit.visit('/me');
  await visit.judge(`${language}-me-ask`);
  await visit.page.fill('#email', email);
  await visit.follow(visit.page.locator('main form button'));
  const [link] = await letterWith(email, /\/me\/[\w-]{43}(?![\w-])/);
  await visit.visit(link);
  await visit.judge(`${language}-me-open`);
  await visit.follow(visit.page.locator('main form button'));
  const pages = new Map([['/me', '/me']]);
  for (const [shape, path] of pages) {
    await visit.visit(path);
    // A receipt stays in the language that it was issued in.
    const isPaper = /^\/me\/(receipts|statements)\//.test(path);
    if (!isPaper) assert.equal(await visit.page.locator('html').getAttribute('dir'), direction, `${path} in ${language}`);
    await visit.judge(`${language}${shape.replaceAll('/', '-')}`);
    for (const [other, link] of await linksBelow(visit, '/me/')) if (!pages.has(other)) pages.set(other, link);
  }
  assert.ok(pages.size > 5, `/me leads only to ${[...pages.keys()]}`);
  return visit.close();
}

async function showMistakes(visit, language) {
  await visit.go('/donate');
  const form = visit.page.locator('form[action="/donations"]');
  await form.locator('[name="email"]').fill('reader@example.org');
  await form.locator('[name="other_amount"]').fill('-');
  await visit.page.waitForTimeout(READING_MS);
  await visit.follow(form.locator('#donate'));
  await visit.page.getByRole('alert').waitFor();
  await visit.judge(`${language}-form-with-errors`);
}

/**
 * Sign-in, and every page that the desk's own navigation names. The desk's texts are English; its layout must hold for a
 * translation from right to left all the same. A thorough look follows every kind of link.
 */
async function workAtDesk(browser, role, direction, isThorough) {
  const visit = await Watched.open(browser, { script: true, hosts: [base.host], viewport: DESKTOP });
  const look = async (path, shape = path) => {
    await visit.visit(path);
    await visit.page.evaluate((dir) => (document.documentElement.dir = dir), direction);
    await visit.judge(`${direction}${shape.replaceAll('/', '-')}`);
  };
  await look('/desk/sign-in');
  await signIn(visit, role);
  const links = await visit.page.locator('header nav a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  assert.ok(links.length >= 4, `the desk leads only to ${links}`);
  const pages = new Map(['/desk', '/desk/account', ...links].map((path) => [path, path]));
  // What is added on the way is looked at too: the page of one thing, and what can be done there.
  for (const [shape, path] of pages) {
    await look(path, shape);
    if (!isThorough) continue;
    for (const [shape, link] of await linksBelow(visit, '/desk/')) if (!pages.has(shape)) pages.set(shape, link);
  }
  return visit.close();
}

const browser = await openBrowser();
try {
  const faults = [];
  for (const [place, language] of LANGUAGES.entries()) {
    faults.push(...(await readEverything(browser, language)));
    faults.push(...(await comeHome(browser, language, `faithful${place + 1}@example.org`)));
  }
  faults.push(...(await workAtDesk(browser, 'admin', 'ltr', true)), ...(await workAtDesk(browser, 'editor', 'rtl', false)));
  if (faults.length > 0) throw new Error(`${faults.length} faults\n${faults.join('\n')}`);
  console.log('all pages hold');
} finally {
  await browser.close();
}
