// Another site puts a link and our script into its page: the campaign's frame stands below the link, in a site that EMBED_ORIGINS names, and in no other.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { openBrowser, Watched } from './watched.mjs';

const base = new URL(process.env.BASE_URL);

/** A site of somebody else's on this machine; it shows `html` at every address. */
async function openSite(port, html) {
  const server = createServer((_, answer) => answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html));
  await new Promise((ready) => server.listen(port, '127.0.0.1', ready));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

const page = (body) => `<!doctype html><html lang="en"><title>Another site</title><body>${body}`;
const browser = await openBrowser();
const sites = [];
try {
  const visit = await Watched.open(browser, { script: true, hosts: [base.host] });
  await visit.go('/campaigns');
  const path = await visit.page.locator('main a[href^="/campaigns/"]').first().getAttribute('href');
  const marked = `<p><a data-wellwisher data-height="300" href="${base.origin}${path}?lang=ps">Give</a></p>
    <a data-wellwisher href="https://elsewhere.example${path}">Somebody else</a>
    <script src="${base.origin}/embed.js" async></script><script src="${base.origin}/embed.js" async></script>`;
  const named = await openSite(Number(new URL(process.env.NAMED_SITE).port), page(marked));
  const stranger = await openSite(0, page(marked));
  sites.push(named.server, stranger.server);
  for (const site of [named, stranger]) visit.hosts.add(new URL(site.origin).host);

  await visit.page.goto(named.origin);
  const frame = visit.page.frameLocator('iframe');
  await frame.locator('a.button').waitFor();
  assert.equal(await visit.page.locator('iframe').count(), 1, 'the script was loaded twice, and one link is not ours');
  assert.equal(await visit.page.locator('iframe').getAttribute('title'), 'Give');
  assert.equal(await visit.page.locator('iframe').getAttribute('height'), '300');
  assert.equal(await frame.locator('html').getAttribute('dir'), 'rtl');
  // The style reached it across sites.
  assert.notEqual(await frame.locator('a.button').evaluate((link) => getComputedStyle(link).backgroundColor), 'rgba(0, 0, 0, 0)');
  for (const width of [1000, 280]) {
    await visit.page.setViewportSize({ width: width + 16, height: 700 });
    const wide = await frame.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth);
    assert.ok(wide <= 0, `${wide} pixels wider than a frame of ${width}`);
  }
  await visit.checkAccess('embed');
  // What is pressed opens a window of its own, which knows nothing of the other site.
  const [opened] = await Promise.all([visit.context.waitForEvent('page'), frame.locator('a.button').click()]);
  await opened.waitForLoadState();
  assert.equal(new URL(opened.url()).pathname, '/donate');
  assert.equal(await opened.evaluate(() => window.opener), null);
  assert.ok(!(await opened.evaluate(() => document.referrer)).includes(named.origin));
  assert.deepEqual(await visit.context.cookies(), []);
  assert.deepEqual(visit.faults, []);

  await visit.page.goto(stranger.origin);
  await visit.page.locator('iframe').waitFor();
  await assert.rejects(frame.locator('a.button').waitFor({ timeout: 3_000 }), 'a site that is not named shows no frame');
  assert.ok(visit.faults.some((fault) => fault.includes('frame-ancestors')), `${visit.faults}`);
  assert.equal(await visit.page.locator('p a').innerText(), 'Give', 'the link stays');
  console.log('the frame holds');
} finally {
  for (const site of sites) site.close();
  await browser.close();
}
