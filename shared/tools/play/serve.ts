/**
 * The server of `deno task play`: hands out the page, and makes new recordings when the page asks.
 *
 * @module
 */

import { findLesson } from "../lesson/catalogue.ts";
import type { Run } from "../lesson/visit.ts";
import { type Live, pageOf } from "./page.ts";
import { clientOptionsOf, record, recordable } from "./record.ts";
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
    lessons: recordable().map((name) => ({ name, title: `${name} · ${findLesson(name)!.title}` })),
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
    if (isBusy) return text("another lesson runs: wait until it has ended", 409);
    isBusy = true;
    try {
      return await answer(await request.json(), request.signal);
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
      return text("what to run is written as JSON", 400);
    } finally {
      isBusy = false;
    }
  }

  async function answer({ lessons, args }: Wish, signal: AbortSignal): Promise<Response> {
    const isKnown = lessons.length > 0 && lessons.length <= 2 &&
      lessons.every((name) => recordable().includes(name));
    if (!isKnown) return text("there is no such lesson", 404);
    if (args.some((arg) => typeof arg !== "string" || /^--(host|port)\b/.test(arg))) {
      return text("options are texts, and the player chooses --host and --port itself", 400);
    }
    // Whoever has closed the page waits for nothing any more.
    const stop = () => void Promise.all(run.children.map((child) => child.stop()));
    signal.addEventListener("abort", stop);
    const results: Recording[] = [];
    try {
      for (const name of lessons) {
        const result = await record(run, name, args, lessons[0]);
        if ("reason" in result) return text(result.reason, 422);
        results.push(result);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      run.children.length = 0; // they have ended
    }
    return Response.json(results);
  }
}

function text(reason: string, status: number): Response {
  return new Response(reason, { status });
}
