// A real Roundel for the tests: the demo, or one with a file, with servers of its own, on ports that
// nobody chose.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const BINARY =
  process.env.ROUNDEL_BIN ?? fileURLToPath(new URL("../../target/debug/roundel", import.meta.url));

/** Long enough for a machine that does much else. */
const PATIENCE_MS = 60_000;

const WATCH = /http:\/\/(127\.0\.0\.1:\d+)\/\s+to watch/;
const CURL = /curl http:\/\/(127\.0\.0\.1:\d+)\//;
const END = /Ctrl-C ends it all/;

const ADMIN = /admin bound.* address=(127\.0\.0\.1:\d+)/;
const LISTENER = /listener bound.* address=(127\.0\.0\.1:\d+)/;
const READY = /INFO ready/;

const FILE = "roundel.toml";

export class Roundel {
  readonly admin: string;
  readonly listener: string;
  /** What it told at the start. */
  readonly #guide: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, guide: string) {
    this.#child = child;
    this.#folder = folder;
    this.#guide = guide;
    this.admin = (WATCH.exec(guide) ?? ADMIN.exec(guide))?.[1] ?? "";
    this.listener = (CURL.exec(guide) ?? LISTENER.exec(guide))?.[1] ?? "";
  }

  /** Starts the demo; on the addresses of `before`, if it is given. */
  static async start(before?: Roundel): Promise<Roundel> {
    const folder = mkdtempSync(join(tmpdir(), "roundel-browser-"));
    const [listener, admin] = [before?.listener ?? "127.0.0.1:0", before?.admin ?? "127.0.0.1:0"];
    const demo = ["demo", "--listen", listener, "--admin", admin, "--first-port", "0"];
    return Roundel.#launch(folder, demo, "warn", [WATCH, END]);
  }

  /** Starts it with a configuration file. */
  static async withFile(text: string): Promise<Roundel> {
    const folder = mkdtempSync(join(tmpdir(), "roundel-browser-"));
    writeFileSync(join(folder, FILE), text);
    return Roundel.#launch(folder, ["run", "--config", FILE], "info", [ADMIN, LISTENER, READY]);
  }

  /** Writes another configuration file; it takes it by itself, or when it is told to. */
  writeFile(text: string): void {
    writeFileSync(join(this.#folder, FILE), text);
  }

  static #launch(folder: string, words: string[], level: string, signs: RegExp[]): Promise<Roundel> {
    const child = spawn(BINARY, words, {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ROUNDEL_LOG: level },
    });
    let said = "";
    child.stdout?.resume();
    const ready = new Promise<Roundel>((resolve, reject) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        if (said.length < 100_000) said += chunk.toString();
        if (signs.every((sign) => sign.test(said))) resolve(new Roundel(child, folder, said));
      });
      child.once("exit", (code) => reject(new Error(`roundel ended with ${code}: ${said}`)));
      child.once("error", reject);
      setTimeout(() => reject(new Error(`roundel is not ready: ${said}`)), PATIENCE_MS).unref();
    });
    return ready;
  }

  /** Kills the process of a server, as a crash would. */
  kill(server: string): void {
    const pid = new RegExp(`${server}\\s+http:\\S+\\s+process (\\d+)`).exec(this.#guide)?.[1];
    if (pid === undefined) throw new Error(`${server} is not in the guide: ${this.#guide}`);
    process.kill(Number(pid), "SIGKILL");
  }

  /** Ends it as Ctrl-C does, and waits for the end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGTERM");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Requests one after the other, without end: what clients see while operators act. */
export class Load {
  sent = 0;
  failures: string[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #loops: Promise<void>[];
  #isOver = false;

  constructor(listener: string) {
    this.#loops = [1, 2, 3].map(async () => {
      while (!this.#isOver) await this.#ask(listener);
    });
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    this.#agent.destroy();
  }

  async #ask(listener: string): Promise<void> {
    const outcome = await new Promise<string>((resolve) => {
      const request = get(`http://${listener}/`, { agent: this.#agent, timeout: 30_000 }, (response) => {
        response.resume();
        response.once("end", () =>
          resolve(response.statusCode === 200 ? "" : `status ${response.statusCode}`),
        );
        response.once("error", (error) => resolve(error.message));
      });
      request.once("timeout", () => request.destroy(new Error("no answer")));
      request.once("error", (error) => resolve(error.message));
    });
    this.sent += 1;
    if (outcome !== "") this.failures.push(outcome);
    // A pace, so that the machine is left to the browser.
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
