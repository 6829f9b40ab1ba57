// A browser that takes nothing from elsewhere, and a page that is watched: what goes wrong in it
// fails the test.

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function launch(): Promise<Browser> {
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
  args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
  return chromium.launch({ executablePath: CHROMIUM, args });
}

export interface Look {
  scheme?: "light" | "dark";
  width?: number;
  height?: number;
  /** A script that is there before the page's own. */
  before?: string;
}

export class Watched {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong: errors, breaches of the content policy, requests to other servers. */
  readonly faults: string[] = [];
  /** What the browser may say in the console, when a test makes it: that Roundel is gone, say. */
  expected: RegExp | null = null;

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.context = context;
    this.page = page;
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() !== "error" && !/Content Security|Trusted/i.test(text)) return;
      if (!this.expected?.test(text)) this.faults.push(`console: ${text}`);
    });
    page.on("pageerror", (error) => this.faults.push(`error: ${error.message}`));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url)) this.faults.push(`went to ${url}`);
    });
  }

  static async open(browser: Browser, admin: string, hash = "#/", look: Look = {}): Promise<Watched> {
    const { scheme = "light", width = 1440, height = 900, before } = look;
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    context.setDefaultTimeout(60_000);
    if (before !== undefined) await context.addInitScript({ content: before });
    const page = await context.newPage();
    const watched = new Watched(context, page, `http://${admin}`);
    await page.goto(`http://${admin}/${hash}`);
    await page.getByText("ready", { exact: true }).first().waitFor();
    return watched;
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
