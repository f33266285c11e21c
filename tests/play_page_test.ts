/** The page of `deno task play`, in a real browser. */

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { pathToFileURL } from "node:url";
import { pageOf } from "../shared/tools/play/page.ts";
import { pack, type Recording } from "../shared/tools/play/recording.ts";
import type { TraceEvent } from "../shared/tools/trace/events.ts";
import { type Browser, type Page, startBrowser, whyNoBrowser, withPage } from "./browser.ts";
import { deno } from "./processes.ts";

let browser: Browser | undefined; // for all tests, each of which has a page of its own

Deno.test.afterAll(async () => await browser?.close());

/** Registers a test that needs a browser, whose library leaves timers and pipes behind. */
function browserTest(name: string, fn: () => Promise<void>) {
  Deno.test({
    name: whyNoBrowser === "" ? name : `${name} (skipped: ${whyNoBrowser})`,
    ignore: whyNoBrowser !== "",
    sanitizeOps: false,
    sanitizeResources: false,
    fn,
  });
}

/** Frames that come at once, since most tests are about what is drawn, and not about when. */
const AT_ONCE = `requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()))`;

/** Uses a page, which is in a file. */
async function withFile(
  html: string,
  use: (page: Page, url: string) => Promise<void>,
  frames = AT_ONCE,
) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/page.html`, html);
    browser ??= await startBrowser();
    await withPage(async (page) => {
      await page.evaluateOnNewDocument(frames);
      await use(page, pathToFileURL(`${folder}/page.html`).href);
    }, browser);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens a page, and waits until a moment is shown. */
async function open(page: Page, url: string) {
  await page.goto("about:blank"); // a new hash alone would not load it again
  await page.goto(url);
  await page.waitForFunction(`document.querySelector("#time").textContent !== ""`, {
    timeout: 20_000,
  });
}

/** Waits until the next frame has been drawn. */
const DRAWN = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`;

/** All that a reader sees of a moment, as text. */
async function seen(page: Page): Promise<unknown> {
  return await page.evaluate(`${DRAWN}.then(() => JSON.stringify([
    document.querySelector("#time").textContent,
    ...[...document.querySelectorAll(".sentence, .kernel, .script li.here")].map((element) =>
      element.className + element.textContent),
    ...[...document.querySelectorAll(".bar i, .fd, .pill")].map((element) =>
      element.className + element.style.transform),
  ]))`);
}

/** Changes the address, if it is another one, and waits until the page has noticed. */
async function jump(page: Page, hash: string) {
  await page.evaluate(`location.hash === ${JSON.stringify(hash)} || new Promise((done) => {
    addEventListener("hashchange", done, { once: true });
    location.hash = ${JSON.stringify(hash)};
  })`);
}

const time = (page: Page) => page.evaluate(`document.querySelector("#time").textContent`);

const recorded = new Map<string, Promise<string>>();

/** A recorded lesson as a page; several tests can look at the same one. */
function recordedPage(...args: string[]): Promise<string> {
  const known = recorded.get(args.join(" ")) ?? newRecording(args);
  recorded.set(args.join(" "), known);
  return known;
}

/** Records a lesson as the user does, as a page. */
async function newRecording(args: string[]): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".html" });
  try {
    const run = ["run", "-A", "shared/tools/play/main.ts", ...args, "--out", file];
    const { code, stderr } = await deno(run);
    assertEquals([code, stderr], [0, ""]);
    return await Deno.readTextFile(file);
  } finally {
    await Deno.remove(file);
  }
}

/** A recording that nothing recorded. */
function recording(events: TraceEvent[], more: Partial<Recording> = {}): Recording {
  return {
    lesson: "01",
    title: "01 · Blocking I/O",
    idea: "",
    args: [],
    sources: [{ path: "server.ts", text: "const a = 1;\n" }],
    places: [[0, 1]],
    names: { "1 1": "server" },
    began: 0,
    events: pack(events),
    costs: [],
    output: [],
    ...more,
  };
}

browserTest("stepping on and back shows the same as going there directly", async () => {
  await withFile(await recordedPage("01", "--pause", "100"), async (page, url) => {
    await open(page, url);
    const onTheWay: unknown[] = [await seen(page)];
    const hashes = [await page.evaluate("location.hash")];
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("ArrowRight");
      onTheWay.push(await seen(page));
      hashes.push(await page.evaluate("location.hash"));
    }
    assertEquals(new Set(hashes).size, 41);
    for (let i = onTheWay.length - 2; i >= 0; i--) {
      await page.keyboard.press("ArrowLeft");
      assertEquals(await seen(page), onTheWay[i], `step ${i} back`);
    }
    // By changing the address, at 200 random moments, and by loading the page there.
    for (let i = 0; i < 200; i++) {
      const at = Math.floor(Math.random() * hashes.length);
      await jump(page, String(hashes[at]));
      assertEquals(await seen(page), onTheWay[at], `${hashes[at]}`);
    }
    for (const at of [3, 12]) {
      await open(page, url + hashes[at]);
      assertEquals(await seen(page), onTheWay[at]);
    }
  });
});

browserTest(
  "a page of lesson 01 shows in whose recv the thread sleeps, and who waits",
  async () => {
    await withFile(await recordedPage("01", "--pause", "100"), async (page, url) => {
      await open(page, `${url}#t=50`);
      await page.evaluate(DRAWN);
      const text = (selector: string) =>
        page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent`);
      assertMatch(
        String(await text(".sentence")),
        /^Phase 1: the thread sleeps in recv\(\d+\) until client 1 sends something\. 5 bytes of/,
      );
      assertMatch(
        String(await text("li.here.sleeps")),
        /const length = recv\(connection, buffer\)/,
      );
      const queue = await page.evaluate(
        `[...document.querySelectorAll(".pill.queued")].map((pill) => pill.textContent).join()`,
      );
      assertEquals(queue, "client 2,client 3");
    });
  },
);

browserTest("every key does what the list of keys says", async () => {
  await withFile(
    await recordedPage("03", "--cast", "normal:2", "--pause", "200"),
    async (page, url) => {
      await open(page, url);
      const value = (expression: string) => page.evaluate(expression);
      const number = async () => Number(String(await time(page)).split(" / ")[0].replace(",", ""));
      async function press(key: string): Promise<number> {
        await page.keyboard.press(key);
        await page.evaluate(DRAWN);
        return await number();
      }
      const first = await press("ArrowRight");
      assertGreater(first, 0);
      // Two events may be less than the microsecond apart that the page shows.
      let steps = 1;
      while (await press("ArrowRight") === first) assertLess(++steps, 20);
      assertGreater(await number(), first);
      while (--steps > 0) await press("ArrowLeft");
      assertEquals(await press("ArrowLeft"), first);
      const poll = await press("e");
      assertGreater(await press("e"), poll);
      assertEquals(await press("E"), poll);
      const end = await press("End");
      assertEquals(String(await time(page)), `${end.toFixed(3)} / ${end.toFixed(3)} ms`);
      assertEquals(await press("Home"), 0);
      await press("c");
      assertEquals(await value(`document.querySelector("#client").value`), "0");
      assertMatch(String(await value("location.hash")), /client=1/);
      await press("C");
      await press("+");
      assertMatch(String(await value("location.hash")), /from=0\.000&to=/);
      await press("0");
      assertEquals(String(await value("location.hash")).includes("from="), false);
      await press(".");
      assertEquals(await value(`document.querySelector("#speed").value`), "-0.75");
      await press(" ");
      await page.waitForFunction(`parseFloat(document.querySelector("#time").textContent) > 5`, {
        timeout: 10_000,
      });
      await press("k");
      const stopped = await number();
      assertEquals(await press("x"), stopped); // no key of ours, and nothing plays any more
      await press("?");
      assertEquals(await value(`document.querySelector("#help").open`), true);
      assertGreater(Number(await value(`document.querySelectorAll("#list dt").length`)), 14);
    },
  );
});

browserTest("a click on a lane goes to that time, and one on the map as well", async () => {
  await withFile(await recordedPage("01", "--pause", "100"), async (page, url) => {
    await open(page, url);
    const box = JSON.parse(
      String(
        await page.evaluate(
          `JSON.stringify(document.querySelector("canvas.lanes").getBoundingClientRect())`,
        ),
      ),
    );
    const length = Number(String(await time(page)).split(" / ")[1].replace(/[, ms]/g, ""));
    for (const y of [10, 60]) {
      for (const share of [0.25, 0.75]) {
        const left = 124;
        await page.mouse.click(box.x + left + share * (box.width - left), box.y + y);
        await page.evaluate(DRAWN);
        const at = parseFloat(String(await time(page)).replace(",", ""));
        assertLess(Math.abs(at - share * length), length / 100);
      }
    }
  });
});

browserTest(
  "a race shows two lessons on one clock, and their costs beside each other",
  async () => {
    await withFile(
      await recordedPage("01,02", "--pause", "100"),
      async (page, url) => {
        await open(page, `${url}#t=50`);
        await page.evaluate(DRAWN);
        const texts = (selector: string) =>
          page.evaluate(
            `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.textContent)`,
          ) as Promise<string[]>;
        assertEquals(
          (await texts(".stage > h2")).map((text) => text.slice(0, 2)),
          ["01", "02"],
        );
        assertEquals((await texts("#bill tr:first-child th")).slice(0, 2), [
          "01 →",
          "02",
        ]);
        assertMatch((await texts(".sentence"))[0], /sleeps in recv/);
        assertEquals((await texts(".stage .lanes")).length, 2);
      },
    );
  },
);

const MARKUP = `<img src=x onerror="document.title='broken'"></script><script>broken()</script>`;

browserTest("whatever a trace says is shown as text, and never as markup", async () => {
  const events: TraceEvent[] = [
    { name: "listen", cat: "call", ph: "X", pid: 1, tid: 1, ts: 0, dur: 1, args: { fd: 3 } },
    { name: MARKUP, cat: "call", ph: "X", pid: 1, tid: 1, ts: 2, dur: 5000, args: { at: 0 } },
    { name: MARKUP, cat: "coroutine", ph: "b", pid: 1, tid: 0, ts: 2, id: "1", args: {} },
    { name: "running", cat: "coroutine", ph: "b", pid: 1, tid: 0, ts: 2, id: "1", args: {} },
    { name: "connect", cat: "client", ph: "X", pid: 2, tid: 1, ts: 3, dur: 1, args: { port: 9 } },
  ];
  const own = recording(events, {
    title: MARKUP,
    idea: MARKUP,
    args: [MARKUP],
    sources: [{ path: MARKUP, text: MARKUP }],
    names: { "1 1": MARKUP, "2 1": MARKUP },
    costs: [[MARKUP, MARKUP]],
    output: [MARKUP],
    cut: MARKUP,
  });
  await withFile(pageOf([own]), async (page, url) => {
    await open(page, `${url}#t=1`);
    await page.evaluate(DRAWN);
    assertEquals(await page.evaluate(`document.querySelectorAll("img").length`), 0);
    assertEquals(await page.evaluate(`document.title`), MARKUP);
    const body = String(await page.evaluate(`document.body.innerText`));
    assertGreater(body.split(MARKUP).length, 6);
  });
});

browserTest("the page says whose a descriptor is, and in words what cannot be seen", async () => {
  const call = { cat: "call", ph: "X", pid: 1, tid: 1, dur: 1 } as const;
  const connect = { ...call, name: "connect", cat: "client", pid: 2, ts: 3, args: { port: 9 } };
  const child = { ...call, pid: 11, tid: 11 };
  const family = recording([
    { ...call, name: "listen", ts: 0, args: { fd: 3 } },
    { ...call, name: "posix_spawn", ts: 1, args: { result: 0, pid: 11 } },
    connect,
    { ...child, name: "accept4", ts: 5, args: { fd: 3, result: 4, peer: 9 } },
    { ...child, name: "recv", ts: 9, dur: 9000, args: { fd: 4, result: 1 } },
    { ...call, name: "waitpid", ts: 9500, args: { pid: -1, result: 11, ended: "SIGKILL" } },
  ], { names: { "1 1": "server", "11 11": "process 1", "2 1": "client 1" } });
  const unseen = recording([connect]); // as of Deno's own sockets
  await withFile(pageOf([family, unseen]), async (page, url) => {
    const texts = async (selector: string) => {
      await page.evaluate(DRAWN);
      return await page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})]
          .map((element) => element.textContent)`);
    };
    await open(page, `${url}#t=5`);
    assertEquals(await texts(".fd"), ["fd 4 of process 1"]);
    await open(page, `${url}#t=9.6`);
    assertEquals(await texts(".fd"), ["closed"]);
    const [first, second, ...rest] = await texts(".kernel .pill") as string[];
    assertEquals([first, second], ["server after waitpid", "process 1 ended: SIGKILL"]);
    assertEquals(rest, ["empty"]);
    const [note] = await texts(".stage:nth-child(2) .kernel") as string[];
    assertMatch(
      note,
      /^Deno's own sockets make their calls inside the runtime, where .* unknown/,
    );
  });
});

/** A run of 100,000 events: what lesson 06 is like. */
function large(): Recording {
  const events: TraceEvent[] = [
    { name: "listen", cat: "call", ph: "X", pid: 1, tid: 1, ts: 0, dur: 1, args: { fd: 3 } },
    {
      name: "epoll_create1",
      cat: "call",
      ph: "X",
      pid: 1,
      tid: 1,
      ts: 1,
      dur: 1,
      args: { result: 4 },
    },
  ];
  const clients = 5000;
  for (let i = 0, ts = 10; events.length < 100_000; i++, ts += 100) {
    const [client, fd] = [i % clients, 5 + i % clients];
    const own = { pid: 2, tid: client } as const;
    const thread = { cat: "call", ph: "X", pid: 1, tid: 1, dur: 3 } as const;
    if (i < clients) {
      const add = { epfd: 4, operation: "EPOLL_CTL_ADD", fd, events: "EPOLLIN", result: 0 };
      events.push(
        { name: "connect", cat: "client", ph: "X", ...own, ts, dur: 5, args: { port: client + 1 } },
        { name: "accept4", ...thread, ts: ts + 6, args: { fd: 3, result: fd, peer: client + 1 } },
        { name: "epoll_ctl", ...thread, ts: ts + 10, args: add },
      );
    } else {
      const found = { epfd: 4, result: 1, found: `EPOLLIN ${fd}` };
      events.push(
        { name: "taken", cat: "socket", ph: "i", s: "t", ...own, ts, args: { bytes: 5 } },
        { name: "epoll_wait", ...thread, ts: ts + 2, args: found },
        { name: "recv", ...thread, ts: ts + 6, args: { fd, length: 65536, result: 5 } },
        { name: "send", ...thread, ts: ts + 10, args: { fd, length: 5, result: 5 } },
        { name: "given", cat: "socket", ph: "i", s: "t", ...own, ts: ts + 20, args: { bytes: 5 } },
      );
    }
  }
  return recording(events, {
    names: Object.fromEntries(Array.from({ length: clients }, (_, i) => [`2 ${i}`, `client ${i}`])),
  });
}

browserTest("a run of 100,000 events can be stepped through and played", async () => {
  const html = pageOf([large()]);
  assertLess(html.length, 1_000_000);
  await withFile(html, async (page, url) => { // with frames as they are
    await open(page, `${url}#t=1000`);
    const before = await time(page);
    await page.keyboard.press("ArrowRight");
    await page.evaluate(DRAWN);
    assert(await time(page) !== before);
    // Times are for people to read: a busy machine must not fail a test.
    console.log(
      await page.evaluate(`(async () => {
          document.querySelector("#play").click();
          const times = [];
          let last = performance.now();
          while (times.length < 60) {
            await new Promise(requestAnimationFrame);
            times.push(performance.now() - last);
            last = performance.now();
          }
          times.sort((a, b) => a - b);
          const [{ startTime }] = performance.getEntriesByName("shown");
          return "shown after " + startTime.toFixed(0) + " ms; 60 frames, median " +
            times[30].toFixed(1) + " ms";
        })()`),
    );
  }, "");
});

const CLIENTS = ["--clients", "12", "--pause", "100"];

browserTest("what the kernel holds changes, but nothing on the page moves", async () => {
  const lessons = ["02", "04", "09", "13"];
  // Most of the time, a recording waits.
  const pages = await Promise.all(lessons.map((lesson) => recordedPage(lesson, ...CLIENTS)));
  for (const [index, lesson] of lessons.entries()) {
    await withFile(
      pages[index],
      async (page, url) => {
        await open(page, url);
        const places = () =>
          page.evaluate(
            `${DRAWN}.then(() =>
              [...document.querySelectorAll(".kernel section, .script, .time")].map((element) =>
                element.getBoundingClientRect().top).join())`,
          );
        const first = await places();
        for (let i = 0; i < 40; i++) {
          await page.keyboard.press(i % 2 === 0 ? "ArrowRight" : "w");
          assertEquals(await places(), first, `${lesson}, step ${i}`);
        }
      },
    );
  }
});

browserTest("nothing is wider than the window, from 380 pixels on, light and dark", async () => {
  await withFile(await recordedPage("13", ...CLIENTS), async (page, url) => {
    for (const width of [380, 1024, 1600]) {
      await page.setViewport({ width, height: 900 });
      await open(page, `${url}#t=100`);
      for (const value of ["light", "dark"]) {
        await page.emulateMediaFeatures([
          { name: "prefers-color-scheme", value },
          { name: "prefers-reduced-motion", value: "reduce" },
        ]);
        await page.evaluate(DRAWN);
        const most = await page.evaluate(`document.documentElement.scrollWidth`);
        assertEquals(most, width, `${width} pixels`);
        assertGreater((await page.screenshot({})).length, 10_000);
      }
    }
    assertGreater((await page.pdf()).length, 10_000);
  });
});
