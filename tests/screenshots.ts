/**
 * `deno run -A tests/screenshots.ts` draws the pictures of the player that the README shows: it
 * records the lessons again, and opens their pages in Chromium.
 */

import { pathToFileURL } from "node:url";
import { whyNoBrowser, withPage } from "./browser.ts";
import { deno, ROOT } from "./processes.ts";

const PICTURES = [
  { lessons: "01", hash: "#t=500", scheme: "light", file: "lesson-01.png", height: 700 },
  { lessons: "03,04", hash: "#t=500", scheme: "dark", file: "race-03-04.png", height: 790 },
];

if (whyNoBrowser !== "") {
  console.error(`no pictures: ${whyNoBrowser}`);
  Deno.exit(1);
}
for (const { lessons, hash, scheme, file, height } of PICTURES) {
  const out = await Deno.makeTempFile({ suffix: ".html" });
  const args = [lessons, "--clients", lessons === "01" ? "3" : "5", "--out", out];
  const { stderr } = await deno(["run", "-A", "shared/tools/play/main.ts", ...args]);
  if (stderr !== "") console.error(stderr);
  await withPage(async (page) => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport({ width: 1400, height });
    await page.goto(pathToFileURL(out).href + hash);
    await page.waitForFunction(`document.querySelector("#time").textContent !== ""`, {
      timeout: 20_000,
    });
    await page.screenshot({ path: `${ROOT}shared/tools/play/${file}` });
  });
  await Deno.remove(out);
  console.log(`shared/tools/play/${file}`);
}
