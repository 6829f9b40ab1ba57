// What the tests of this folder share: a Roundel with load, a browser, and a page that is watched.

import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { launch, Watched } from "./page";
import { Load, Roundel } from "./roundel";

export class Stage {
  roundel!: Roundel;
  load!: Load;
  watched!: Watched;
  #browser!: Browser;

  /** Sets the stage before the tests of a file, and a new page before each: the demo, or `file`. */
  constructor(file?: string) {
    beforeAll(async () => {
      this.#browser = await launch();
      this.roundel = await (file === undefined ? Roundel.start() : Roundel.withFile(file));
      this.load = new Load(this.roundel.listener);
    });
    afterAll(async () => {
      await this.load?.stop();
      await this.roundel?.stop();
      await this.#browser?.close();
    });
    beforeEach(async () => {
      this.watched = await Watched.open(this.#browser, this.roundel.admin);
    });
    afterEach(async () => {
      await this.watched.close();
      expect(this.watched.faults).toEqual([]);
    });
  }

  get page(): Page {
    return this.watched.page;
  }

  /** The row of an endpoint or an instance. */
  row(name: string): Locator {
    return this.page.getByRole("row").filter({ has: this.page.getByRole("link", { name, exact: true }) });
  }

  async go(hash: string): Promise<void> {
    await this.page.evaluate((to) => {
      location.hash = to;
    }, hash);
  }

  /** Waits until the row of `name` says `word`. */
  async isSaid(name: string, word: string): Promise<void> {
    await this.row(name).getByText(word, { exact: true }).first().waitFor();
  }

  /** Waits until clients have had `more` further answers, and that all of them were good. */
  async requestsGoOn(more: number): Promise<void> {
    const goal = this.load.sent + more;
    await expect.poll(() => this.load.sent, { timeout: 60_000, interval: 100 }).toBeGreaterThan(goal);
    expect(this.load.failures).toEqual([]);
  }
}
