// A browser context that notes what no page of ours may do: ask another host for something, break the
// Content-Security-Policy, throw, or show a violation of WCAG 2.2 AA.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 900 };

const FIRST_FLIGHT_BYTES = 14_000;
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });
}

export class Watched {
  /** `hosts` are the only ones that pages may speak to. */
  static async open(browser, { script, hosts, viewport = PHONE, locale = 'en' }) {
    const watched = new Watched();
    watched.script = script;
    watched.hosts = new Set(hosts);
    watched.faults = [];
    watched.asked = new Set();
    watched.context = await browser.newContext({ javaScriptEnabled: script, viewport, locale, acceptDownloads: true });
    // Other tests share the machine.
    watched.context.setDefaultTimeout(60_000);
    watched.page = await watched.context.newPage();
    watched.listen();
    return watched;
  }

  listen() {
    this.page.on('request', (request) => {
      const url = new URL(request.url());
      this.asked.add(url.host || url.protocol);
      if (['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol) && !this.hosts.has(url.host)) {
        this.faults.push(`${this.page.url()} asked another host: ${request.url()}`);
      }
    });
    this.page.on('pageerror', (error) => this.faults.push(`${this.page.url()} threw: ${error.message}`));
    this.page.on('console', (message) => {
      const text = message.text();
      // A form with mistakes answers 422, which the browser reports as a failed load. That is as it should be.
      const expected = /status of 4(22|09)/.test(text);
      if (message.type() === 'error' && !expected) this.faults.push(`${this.page.url()} complained: ${text}`);
    });
  }

  async go(path) {
    const response = await this.page.goto(path.startsWith('http') ? path : process.env.BASE_URL + path, { waitUntil: 'load' });
    if (!response.ok()) throw new Error(`${path} answered ${response.status()}`);
    return response;
  }

  /** Like `go`, but a page that is not there, or is large, is one fault among others. Returns the size of the answer. */
  async visit(path) {
    const response = await this.page.goto(process.env.BASE_URL + path, { waitUntil: 'load' });
    if (!response.ok()) this.faults.push(`${path} answered ${response.status()}`);
    // What a slow network carries in its first flight: ten packets.
    const { responseBodySize, responseHeadersSize } = await response.request().sizes();
    if (responseBodySize + responseHeadersSize > FIRST_FLIGHT_BYTES) {
      this.faults.push(`${path}: a first response of ${responseBodySize + responseHeadersSize} bytes, more than ${FIRST_FLIGHT_BYTES}`);
    }
    return responseBodySize + responseHeadersSize;
  }

  /** Follows a link or sends a form, and waits for the page that comes of it. */
  async follow(locator) {
    await Promise.all([this.page.waitForEvent('load'), locator.click()]);
  }

  /** axe needs scripts; the pages are the same without. */
  async checkAccess(name) {
    if (!this.script) return;
    const { violations } = await new AxeBuilder({ page: this.page }).withTags(WCAG).analyze();
    for (const violation of violations) {
      const places = violation.nodes.slice(0, 3).map((node) => `    ${node.html.slice(0, 160)} — ${node.failureSummary?.split('\n')[1]?.trim()}`);
      this.faults.push(`${name} (${this.page.url()}): ${violation.id}: ${violation.help}\n${places.join('\n')}`);
    }
  }

  /** At 320 CSS pixels (400 % zoom) nothing may need scrolling in the direction of the line. */
  async checkReflow(name) {
    const before = this.page.viewportSize();
    await this.page.setViewportSize({ width: 320, height: 640 });
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) this.faults.push(`${name} (${this.page.url()}): ${wide} pixels wider than a screen of 320`);
    await this.page.setViewportSize(before);
  }

  /** The page as a phone and as a desktop shows it. */
  async picture(name) {
    const directory = process.env.SCREENSHOTS;
    mkdirSync(directory, { recursive: true });
    const before = this.page.viewportSize();
    for (const [size, viewport] of [['phone', PHONE], ['desktop', DESKTOP]]) {
      await this.page.setViewportSize(viewport);
      await this.page.screenshot({ path: join(directory, `${name}-${size}.png`), fullPage: true });
    }
    await this.page.setViewportSize(before);
  }

  /** Everything that a page which the issue names must hold. */
  async judge(name) {
    await this.checkAccess(name);
    if (this.script) {
      await this.checkReflow(name);
      await this.picture(name);
    }
  }

  async close() {
    await this.context.close();
    return this.faults;
  }
}
