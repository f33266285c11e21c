/**
 * The server of `deno task play`: hands out the page, and makes new recordings when the page asks.
 *
 * @module
 */

import { findLesson } from "../lesson/catalogue.ts";
import type { Failed, Run } from "../lesson/visit.ts";
import { type Live, pageOf } from "./page.ts";
import { clientOptionsOf, endAll, record, recordable } from "./record.ts";
import type { Recording } from "./recording.ts";

/** What is asked for with POST /run. */
interface Wish {
  lessons: string[];
  args: string[];
}

/**
 * Serves the page on 127.0.0.1.
 *
 * @param run Whose processes the recordings are, so that they end when it does.
 * @param recordings What the page shows first.
 * @throws {Deno.errors.AddrInUse} if the port is taken.
 */
export function serve(
  run: Run,
  port: number,
  recordings: Recording[],
): Deno.HttpServer<Deno.NetAddr> {
  const live: Live = {
    token: crypto.randomUUID(),
    lessons: recordable().map((name) => {
      const { title, server } = findLesson(name)!;
      return { name, title: `${name} · ${title}`, hasClients: server !== undefined };
    }),
  };
  let isBusy = false;
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, handle);
  const hosts = [`127.0.0.1:${server.addr.port}`, `localhost:${server.addr.port}`];
  return server;

  async function handle(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    // Another name for this machine, or another page, could make a browser ask on its behalf.
    if (!hosts.includes(request.headers.get("host") ?? "")) return text("wrong Host", 403);
    const { method } = request;
    if (method === "GET" && pathname === "/") {
      const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };
      return new Response(pageOf(recordings, live), { headers });
    }
    if (pathname !== "/run" && pathname !== "/options") return text("there is no such page", 404);
    if (request.headers.get("x-token") !== live.token) return text("wrong token", 403);
    if (method === "GET" && pathname === "/options") {
      const lesson = searchParams.get("lesson") ?? "";
      if (!recordable().includes(lesson)) return text(`there is no lesson ${lesson}`, 404);
      return Response.json(await clientOptionsOf(run, lesson));
    }
    if (method !== "POST") return text("POST starts a run", 405);
    const wish = await wishIn(request);
    if (typeof wish === "string") return text(wish, 400);
    if (isBusy) return text("another lesson runs: wait until it has ended", 409);
    isBusy = true;
    return new Response(answer(wish), { headers: { "content-type": "application/json" } });
  }

  /** Recordings, or the reason why there are none, as JSON; a closed page ends the scripts. */
  function answer(wish: Wish): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let isWanted = true;
    return new ReadableStream({
      async start(controller) {
        // JSON may begin with spaces. Without anything to send, a closed page would not be noticed.
        const timer = setInterval(() => {
          if (isWanted) controller.enqueue(encoder.encode(" "));
        }, 250);
        const results = await recordAll(wish, () => isWanted);
        clearInterval(timer);
        isBusy = false;
        if (!isWanted) return;
        const failed = results.find((result) => "reason" in result);
        controller.enqueue(encoder.encode(JSON.stringify(failed ?? results)));
        controller.close();
      },
      async cancel() {
        isWanted = false;
        await endAll(run);
      },
    });
  }

  async function recordAll({ lessons, args }: Wish, isWanted: () => boolean) {
    const results: (Recording | Failed)[] = [];
    for (const name of lessons) {
      if (isWanted()) results.push(await record(run, name, args, lessons[0]));
    }
    return results;
  }
}

/** What a request asks for, or what is wrong with it. */
async function wishIn(request: Request): Promise<Wish | string> {
  try {
    const { lessons, args }: Wish = await request.json();
    const isKnown = lessons.length > 0 && lessons.length <= 2 &&
      lessons.every((name) => recordable().includes(name));
    if (!isKnown) return "there is no such lesson";
    if (!args.every((arg) => typeof arg === "string")) return "options are texts";
    const own = args.find((arg) => /^--(host|port)\b/.test(arg));
    return own === undefined ? { lessons, args } : `the player chooses ${own} itself`;
  } catch {
    return "what to run is written as JSON";
  }
}

function text(reason: string, status: number): Response {
  return new Response(reason, { status });
}
