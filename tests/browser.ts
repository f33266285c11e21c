/**
 * A real browser, for tests: headless Chromium, driven by puppeteer-core from npm. Where one of
 * them is missing, the tests that need it are skipped.
 *
 * @module
 */

import { whyMissing } from "./packages.ts";

const PACKAGE = "npm:puppeteer-core@25.16.0";

/** As much of a page as the tests use. */
export interface Page {
  /** Evaluates an expression in whatever is opened from now on, before its own script. */
  evaluateOnNewDocument(expression: string): Promise<unknown>;
  /** Goes to an address. */
  goto(url: string): Promise<unknown>;
  /** Loads it again. */
  reload(): Promise<unknown>;
  /** Evaluates an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true in the page. */
  waitForFunction(expression: string, options: { timeout: number }): Promise<unknown>;
  /** Clicks on the first element that matches. */
  click(selector: string): Promise<void>;
  /** The size of the window, in pixels of the page. */
  setViewport(size: { width: number; height: number }): Promise<void>;
  /** Makes the page light or dark, or calm. */
  emulateMediaFeatures(features: { name: string; value: string }[]): Promise<void>;
  /** What it looks like. */
  screenshot(options: { path?: string; fullPage?: boolean }): Promise<Uint8Array>;
  /** The page on paper. */
  pdf(): Promise<Uint8Array>;
  /** The keyboard. */
  keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
  /** The mouse. */
  mouse: { click(x: number, y: number): Promise<void> };
  /** Ends it. */
  close(): Promise<void>;
  /** Listens to what goes wrong in it. */
  on(event: "pageerror" | "console", listener: (event: { message?: string }) => void): void;
}

/** A browser. */
export interface Browser {
  /** Opens a page. */
  newPage(): Promise<Page>;
  /** Ends it. */
  close(): Promise<void>;
}

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });

/** Why there is no browser; empty where there is one. */
export const whyNoBrowser: string = chromium === undefined
  ? "there is no Chromium"
  : await whyMissing("npm", PACKAGE, 60_000) ?? "";

/** A new browser. */
export async function startBrowser(): Promise<Browser> {
  // The name is no literal, so that nobody has to download it in order to check types.
  const { default: puppeteer } = await import(PACKAGE as string);
  return await puppeteer.launch({
    executablePath: chromium,
    args: ["--no-sandbox"], // which root cannot have
  });
}

/**
 * Uses a new page. It fails if anything went wrong in the page's own script.
 *
 * @param browser A running one; without it, one is started for the page.
 */
export async function withPage(
  use: (page: Page) => Promise<void>,
  browser?: Browser,
): Promise<void> {
  const own = browser ?? await startBrowser();
  const page = await own.newPage();
  try {
    const errors: string[] = [];
    page.on("pageerror", ({ message = "" }) => errors.push(message));
    await page.setViewport({ width: 1200, height: 900 });
    await use(page);
    if (errors.length > 0) throw new Error(`in the page: ${errors.join("; ")}`);
  } finally {
    await (browser === undefined ? own : page).close();
  }
}
