// Every page that readers, supporters and staff see, in each language: accessible, no wider than a small screen,
// silent towards other hosts. Leaves pictures of each for people to look at.
import assert from 'node:assert/strict';
import { READING_MS, checkoutHost, openAskingArticle, signIn } from './steps.mjs';
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
    donate: '/donate', genuine: '/genuine', 'receipt-check': '/receipts/check',
  };
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
 * translation from right to left all the same.
 */
async function workAtDesk(browser, role, direction) {
  const visit = await Watched.open(browser, { script: true, hosts: [base.host], viewport: DESKTOP });
  const look = async (path) => {
    await visit.visit(path);
    await visit.page.evaluate((dir) => (document.documentElement.dir = dir), direction);
    await visit.judge(`${direction}${path.replaceAll('/', '-')}`);
  };
  await look('/desk/sign-in');
  await signIn(visit, role);
  const links = await visit.page.locator('header nav a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  assert.ok(links.length >= 4, `the desk leads only to ${links}`);
  for (const path of new Set(['/desk', '/desk/account', ...links])) await look(path);
  return visit.close();
}

const browser = await openBrowser();
try {
  const faults = [];
  for (const language of LANGUAGES) faults.push(...(await readEverything(browser, language)));
  faults.push(...(await workAtDesk(browser, 'admin', 'ltr')), ...(await workAtDesk(browser, 'editor', 'rtl')));
  if (faults.length > 0) throw new Error(`${faults.length} faults\n${faults.join('\n')}`);
  console.log('all pages hold');
} finally {
  await browser.close();
}
