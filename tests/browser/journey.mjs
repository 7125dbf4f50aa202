// From an article to a receipt, to the desk, to a row of the export: once without scripts and once with them.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { READING_MS, checkoutHost, letterWith, openAskingArticle, signIn } from './steps.mjs';
import { DESKTOP, Watched, openBrowser } from './watched.mjs';

const base = new URL(process.env.BASE_URL);

async function give(visit, email) {
  const { page } = visit;
  // An amount that is none: the page says so on top and beside the field, and keeps what was typed.
  const form = page.locator('form[action="/donations"]').first();
  await form.locator('[name="email"]').fill(email);
  await form.locator('[name="other_amount"]').fill('a lot');
  await page.waitForTimeout(READING_MS);
  await visit.follow(form.locator('#donate'));
  const summary = page.getByRole('alert');
  await summary.waitFor();
  assert.match(await page.title(), /^Error:/);
  const mistake = summary.getByRole('link').first();
  const field = (await mistake.getAttribute('href')).slice(1);
  assert.equal(await page.locator(`[id="${field}"]`).count(), 1, `the summary leads to ${field}, which is not there`);
  const again = page.locator('form[action="/donations"]').first();
  assert.equal(await again.locator('[name="email"]').inputValue(), email);
  assert.equal(await again.locator('[name="other_amount"]').inputValue(), 'a lot');
  await visit.judge('form-with-errors');

  await again.locator('[name="other_amount"]').fill('۱۲٫۵۰');
  await page.waitForTimeout(READING_MS);
  await visit.follow(again.locator('#donate'));
  assert.notEqual(new URL(page.url()).host, base.host, `no checkout: ${await page.locator('main').innerText()}`);
  await visit.checkAccess('card-page');
}

async function pay(visit) {
  const { page } = visit;
  await page.fill('#number', '4242 4242 4242 4242');
  await page.fill('#expiry', '12 / 40');
  await page.fill('#cvc', '123');
  await visit.follow(page.getByRole('button', { name: /^Pay/ }));
  assert.equal(new URL(page.url()).host, base.host);
  assert.match(new URL(page.url()).pathname, /^\/donations\/[\w-]{20,}$/);
}

/** The number of the receipt on the thank-you page; the webhook may need a moment. */
async function receiptNumber(visit) {
  for (let tries = 0; tries < 40; tries += 1) {
    const text = await visit.page.locator('main').innerText();
    const [number] = text.match(/\b[A-Z]{1,4}-\d{4}-\d+\b/) ?? [];
    if (number) return number;
    await visit.page.waitForTimeout(250);
    await visit.page.reload();
  }
  throw new Error(`no receipt number: ${await visit.page.locator('main').innerText()}`);
}

/** The records of a CSV file. */
function recordsOf(text) {
  const records = [[]];
  let field = '';
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '"' && text[at + 1] === '"') (field += '"'), (at += 1);
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === ',' || character === '\n')) {
      records.at(-1).push(field.replace(/\r$/, ''));
      field = '';
      if (character === '\n') records.push([]);
    } else field += character;
  }
  if (field !== '') records.at(-1).push(field);
  const [head, ...rows] = records.filter((record) => record.length > 0);
  return rows.map((row) => Object.fromEntries(head.map((name, index) => [name.replace(/^\uFEFF/, ''), row[index]])));
}

async function seeAtDesk(browser, gift) {
  const desk = await Watched.open(browser, { script: gift.script, hosts: [base.host], viewport: DESKTOP });
  await desk.go('/desk/sign-in');
  await desk.judge('sign-in');
  await signIn(desk, gift.script ? 'admin' : 'finance');
  await desk.judge('desk');
  await desk.go('/desk/donations');
  await desk.judge('desk-donations');
  const row = desk.page.locator('tr', { hasText: gift.number });
  assert.equal(await row.count(), 1, `${gift.number} stands ${await row.count()} times in the list of donations`);
  assert.match(await row.innerText(), /12\.50/);
  await desk.follow(row.getByRole('link').first());
  const story = await desk.page.locator('main').innerText();
  for (const part of [gift.number, gift.email, '12.50']) assert.ok(story.includes(part), `the donation's story lacks ${part}:\n${story}`);
  await desk.judge('desk-donation');

  // The export is of what the list shows: here, of this one gift.
  await desk.go(`/desk/donations?q=${gift.number}`);
  const button = desk.page.locator('form[action="/desk/reports/donations.csv"] button');
  const [download] = await Promise.all([desk.page.waitForEvent('download'), button.click()]);
  const rows = recordsOf(await readFile(await download.path(), 'utf8'));
  const ours = rows.filter((row) => row.receipt_no === gift.number);
  assert.equal(ours.length, rows.length, `the export of ${gift.number} has rows of others`);
  const gifts = ours.filter((row) => Number(row.gross_minor) !== 0);
  assert.equal(gifts.length, 1, `${gift.number} is counted ${gifts.length} times in the export`);
  assert.equal(gifts[0].gross, '12.50');
  assert.ok(gift.link.endsWith(`/${gifts[0].article}`), `the gift came from ${gift.link}, the export says ${gifts[0].article}`);
  return desk.close();
}

async function travel(browser, script) {
  const email = `supporter-${script ? 'on' : 'off'}@example.org`;
  const visit = await Watched.open(browser, { script, hosts: [base.host] });
  const { link, response } = await openAskingArticle(visit);
  visit.hosts.add(await checkoutHost(response));
  await visit.judge('article');
  await give(visit, email);
  await pay(visit);
  const number = await receiptNumber(visit);
  const thanks = await visit.page.locator('main').innerText();
  assert.ok(!thanks.includes(email), 'the thank-you page shows the address');
  await visit.judge('thank-you');
  await letterWith(email, number);
  const faults = await visit.close();
  faults.push(...(await seeAtDesk(browser, { script, number, email, link })));
  return faults;
}

const browser = await openBrowser();
try {
  const faults = [];
  for (const script of [false, true]) {
    const found = await travel(browser, script);
    faults.push(...found.map((fault) => `script ${script ? 'on' : 'off'}: ${fault}`));
  }
  if (faults.length > 0) throw new Error(`${faults.length} faults\n${faults.join('\n')}`);
  console.log('an article led to a receipt, twice');
} finally {
  await browser.close();
}
